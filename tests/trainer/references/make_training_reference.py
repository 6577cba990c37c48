#!/usr/bin/env python3
"""Loss curves of tiny_untied by PyTorch: fp32, and bf16 by FSDP2's MixedPrecisionPolicy.

    python make_training_reference.py            writes tiny_training.reference.json beside this file

20 steps of AdamW on tokens that a formula gives (test_mixed_precision.cpp has the same one). The mixed runs are
fully_shard over one CPU rank, each block a unit: parameters and activations bf16, gradients reduced in fp32 or
bf16, masters fp32.
"""
import json
import os
import pathlib

import torch
import torch.distributed as dist
import transformers
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
from transformers import LlamaForCausalLM

HERE = pathlib.Path(__file__).resolve().parent
ROWS, LENGTH, STEPS = 4, 24, 20


def batch(step):
    return torch.tensor([[3 + (17 * i * i + 31 * i * r + 7 * step + 11 * r) % 61 for i in range(LENGTH)]
                         for r in range(ROWS)])


def curve(reduce):
    model = LlamaForCausalLM.from_pretrained(HERE / "tiny_untied", dtype=torch.float32, attn_implementation="eager")
    if reduce:
        policy = MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=reduce)
        for layer in model.model.layers:
            fully_shard(layer, mp_policy=policy)
        fully_shard(model, mp_policy=policy)
    decay = [p for p in model.parameters() if p.dim() > 1]
    plain = [p for p in model.parameters() if p.dim() == 1]
    optimizer = torch.optim.AdamW([{"params": decay, "weight_decay": 0.1}, {"params": plain, "weight_decay": 0.0}],
                                  lr=3e-3, betas=(0.9, 0.95), eps=1e-5)
    losses = []
    for step in range(STEPS):
        ids = batch(step)
        logits = model(input_ids=ids).logits.float()
        loss = torch.nn.functional.cross_entropy(logits[:, :-1].reshape(-1, 64), ids[:, 1:].reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    return losses


def main():
    torch.set_num_threads(1)
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT="29571", RANK="0", WORLD_SIZE="1")
    dist.init_process_group("gloo")
    content = {"format": "anneal-reference", "version": 1,
               "made_by": {"torch": torch.__version__, "transformers": transformers.__version__},
               "fp32": curve(None), "bf16_reduce_fp32": curve(torch.float32), "bf16_reduce_bf16": curve(torch.bfloat16)}
    (HERE / "tiny_training.reference.json").write_text(json.dumps(content, indent=1) + "\n")
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
