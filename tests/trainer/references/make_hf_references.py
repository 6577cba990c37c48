#!/usr/bin/env python3
"""Makes the tiny Hugging Face LLaMA folders and the figures that anneal's model is checked against.

    python make_hf_references.py [DESTINATION]        (default: this file's folder)

Needs torch, transformers, peft, safetensors (any recent ones; versions used are written into the
JSON). Everything is seeded. Per model NAME it writes
    NAME/                    config.json, generation_config.json, model.safetensors
    NAME.reference.json      cases: ids, logits [position][vocab] (fp32 arithmetic), nll (mean over
                             ids 2..n), and the rotary inverse frequencies
and a PEFT LoRA adapter on tiny_untied: tiny_adapter/, tiny_adapter.reference.json.
"""
import json
import pathlib
import shutil
import sys

import peft
import torch
import transformers
from transformers import LlamaConfig, LlamaForCausalLM

HERE = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else __file__).resolve()
HERE = HERE if HERE.is_dir() else HERE.parent
CASES = {"short": 1, "middle": 11, "long": 40}  # number of ids; 40 exceeds tiny_llama3's original positions


def config(**changes):
    settings = dict(
        vocab_size=64, hidden_size=32, intermediate_size=48, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=64,
        rms_norm_eps=1e-5, initializer_range=0.02, tie_word_embeddings=False,
        bos_token_id=1, eos_token_id=2, attn_implementation="eager")
    settings.update(changes)
    return LlamaConfig(**settings)


MODELS = {
    "tiny_untied": (config(), torch.float32),
    "tiny_tied": (config(tie_word_embeddings=True), torch.float32),
    "tiny_bf16": (config(head_dim=16, rms_norm_eps=1e-6,
                         rope_parameters={"rope_type": "default", "rope_theta": 5000.0}), torch.bfloat16),
    "tiny_llama3": (config(rope_parameters={
        "rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0, "low_freq_factor": 1.0,
        "high_freq_factor": 4.0, "original_max_position_embeddings": 16}), torch.float32),
}


def randomise(model, seed):
    """Weights large enough that every part of the network matters; norms around one."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            noise = torch.randn(weight.shape, generator=generator)
            weight.copy_(1 + 0.2 * noise if weight.dim() == 1 else 0.25 * noise)


def figures(model):
    generator = torch.Generator().manual_seed(7)
    cases = []
    for name, length in CASES.items():
        ids = torch.randint(3, 64, (length,), generator=generator)
        ids[0] = 1
        with torch.no_grad():
            logits = model(input_ids=ids[None]).logits[0].float()
        case = {"name": name, "ids": ids.tolist(),
                "logits": [[float(f"{x:.9g}") for x in row] for row in logits.tolist()]}
        if length > 1:
            case["nll"] = torch.nn.functional.cross_entropy(logits[:-1], ids[1:]).item()
        cases.append(case)
    return cases


def write(name, **content):
    versions = {"torch": torch.__version__, "transformers": transformers.__version__, "peft": peft.__version__}
    text = json.dumps({"format": "anneal-reference", "version": 1, "made_by": versions, **content})
    (HERE / f"{name}.reference.json").write_text(text.replace("], [", "],\n[") + "\n")


def load(name):
    return LlamaForCausalLM.from_pretrained(HERE / name, dtype=torch.float32, attn_implementation="eager").eval()


def main():
    torch.set_num_threads(1)
    for seed, (name, (settings, dtype)) in enumerate(MODELS.items()):
        model = LlamaForCausalLM(settings)
        randomise(model, seed)
        shutil.rmtree(HERE / name, ignore_errors=True)
        model.to(dtype).save_pretrained(HERE / name)
        model = load(name)
        write(name, cases=figures(model), inv_freq=model.model.rotary_emb.inv_freq.tolist())

    model = load("tiny_untied")
    torch.manual_seed(100)
    model = peft.get_peft_model(model, peft.LoraConfig(
        r=4, lora_alpha=8, lora_dropout=0.05, target_modules=["q_proj", "v_proj", "down_proj"],
        task_type="CAUSAL_LM"))
    generator = torch.Generator().manual_seed(101)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_B" in name:  # PEFT starts it at zero, which would test nothing
                weight.copy_(0.1 * torch.randn(weight.shape, generator=generator))
    model.peft_config["default"].base_model_name_or_path = "../tiny_untied"
    shutil.rmtree(HERE / "tiny_adapter", ignore_errors=True)
    model.save_pretrained(HERE / "tiny_adapter")
    (HERE / "tiny_adapter" / "README.md").unlink(missing_ok=True)
    write("tiny_adapter", base="tiny_untied", cases=figures(model.eval()))


if __name__ == "__main__":
    main()
