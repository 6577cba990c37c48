"""Makes bpe/*.json, bpe/byte_level.model and bpe_reference.json: small byte-pair tokenizers of our own and
what tokenizers and tiktoken make of texts with them (and with the shared samples).
Run: python3 -m venv /tmp/v && /tmp/v/bin/pip install tokenizers==0.23.3 tiktoken==0.14.0 &&
/tmp/v/bin/python tests/data/make_bpe_reference.py ../shared/data"""
import base64
import json
import pathlib
import random
import sys

import tiktoken
import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

# meta-llama/llama-models, tokenizer.py
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
          r"|\s+(?!\S)|\s+")
here = pathlib.Path(__file__).parent
shared = pathlib.Path(sys.argv[1])
random.seed(11)

# --- texts ---------------------------------------------------------------------------------------------
words = ["perovskite", "lattice", "oxide", "band gap", "the crystal's", "we'll anneal", "LiFePO4", "density", "at 1200 °C",
         "It shows", "δ = 0.05", "0.25 0.75 0.50", "Ba0.95La0.05FeO3", "5.6 5.6 5.6\n90 90 120\nFe\n", "한국어 결정", "東京の結晶"]
syllables = ["per", "ov", "sk", "ite", "lat", "tice", "an", "neal", "ing", "ox", "ide", "crys", "tal", "the", "ba", "tion"]
words += ["".join(random.choice(syllables) for _ in range(random.randint(1, 4))) for _ in range(150)]
corpus = [" ".join(random.choice(words) for _ in range(8)) + random.choice([".", "!\n", ";\t", "\n\n"]) for _ in range(400)]

texts = [
    "", " ", "   ", "\t", "\n", "\r\n", " \r\n \r\n", "a\r\nb\n\n\nc  \n d", "Hello world.", "  two  spaces   three ",
    "0 12 123 1234 1234567", "١٢٣٤٥ ½ Ⅷ ²", "don'T I'LL we'Ve 'ſ K\u212a'S", "BaTiO3 was sintered at 1200 °C; δ = 0.05.",
    "5.6 5.6 5.6\n90 90 90\nNa\n0.00 0.00 0.00", "😀👩\u200d🔬🏳\ufe0f\u200d🌈", "e\u0301 é ﬁ \u1100\u1161 가", "naïve café — 東京 한국어",
    "\u1680a\u180eb\u2003c\u3000d\x85e\u2028f\u00a0g\u200bh", "\x00\x01\x7f", "\ufeffbom", "▁▁a ▁ b", "नमस्ते ไทย",
    "<|im_start|>system\nhi<|im_end|>\n", "<s> </s> <unk> x", "a [MASK] b[MASK]  c", "<|begin_of_text|>a<|end_of_text|>",
    "perovskite" * 12, " " * 70, "!?" * 60, "x9" * 60, "def f(x):\n    return x\n", "\U0001F9EA\u0378",
]
parts = [" ", "  ", "\n", "\r\n", "\t", "the", "lattice", "Ab", "é", "e\u0301", "1", "23", "'s", "'Ll", "東", "한", "😀", "\u200d", ".", ",",
         "-", "<s>", "[MASK]", "<|im_end|>", "▁", "\x85", "\u180e", "ſ", "ﬀ", "δ", "0.05"]
texts += ["".join(random.choice(parts) for _ in range(random.randint(1, 22))) for _ in range(60)]


# --- tokenizers of our own -----------------------------------------------------------------------------
def byte_level():
    t = Tokenizer(models.BPE(ignore_merges=True))
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(LLAMA3), "isolated"),
                                               pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    t.decoder = decoders.ByteLevel()
    t.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=460, show_progress=False,
                                                      initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    assert t.get_vocab_size() == 460
    return t


def bytes_of(token):
    table, extra = {}, 0
    for b in range(256):
        if 33 <= b <= 126 or 161 <= b <= 172 or b >= 174:
            table[chr(b)] = b
        else:
            table[chr(256 + extra)] = b
            extra += 1
    return bytes(table[c] for c in token)


def characters():
    """LLaMA-2's layout: <unk>, <s>, </s>, 256 bytes, characters and merges."""
    t = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    t.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    t.pre_tokenizer = pre_tokenizers.Metaspace("▁", prepend_scheme="never", split=True)  # in training only
    special = ["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)]
    t.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=520, show_progress=False, special_tokens=special,
                                                      limit_alphabet=60))
    assert t.get_vocab_size() == 520
    json_ = json.loads(t.to_str())
    json_["pre_tokenizer"] = None
    json_["added_tokens"] = [a for a in json_["added_tokens"] if a["id"] < 3]
    t = Tokenizer.from_str(json.dumps(json_))
    t.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    t.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return t


def ids(tokenizer, text):
    return tokenizer.encode(text, add_special_tokens=False).ids


out = {"made_by": f"tokenizers {tokenizers.__version__}, tiktoken {tiktoken.__version__} (Python wheels)", "texts": texts, "models": []}

t = byte_level()
vocab = sorted(t.get_vocab().items(), key=lambda item: item[1])
# tiktoken: rank = id; the trainer numbers single bytes first, then merges in their order
lines = [f"{base64.b64encode(bytes_of(token)).decode()} {rank}\n" for token, rank in vocab]
(here / "bpe" / "byte_level.model").write_text("".join(lines))
encoding = tiktoken.Encoding("small", pat_str=LLAMA3, special_tokens={},
                             mergeable_ranks={bytes_of(token): rank for token, rank in vocab})
out["models"].append({"file": "byte_level.model", "ids": [encoding.encode_ordinary(x) for x in texts]})

special = ["<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>"]
t.add_special_tokens(special + ["<|im_start|>", "<|im_end|>"])
t.add_tokens([AddedToken("[MASK]", lstrip=True, rstrip=True)])
t.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=True), processors.TemplateProcessing(
    single="<|begin_of_text|> $A", special_tokens=[("<|begin_of_text|>", t.token_to_id("<|begin_of_text|>"))])])
t.save(str(here / "bpe" / "byte_level.json"), pretty=False)
characters().save(str(here / "bpe" / "characters.json"), pretty=False)

split = lambda pattern, behavior="Isolated", invert=False: {"type": "Split", "pattern": pattern, "behavior": behavior, "invert": invert}
level = lambda regex: {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": regex}
metaspace = lambda scheme, split_: {"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": split_}
normalized = json.loads((here / "bpe" / "characters.json").read_text())["added_tokens"]
for token in normalized:
    token["normalized"] = True
normalized.append({"id": 520, "content": "[MASK]", "single_word": False, "lstrip": True, "rstrip": False, "normalized": True, "special": False})
for file, patch in [
    ("byte_level.json", {}),
    ("byte_level.json", {"normalizer": {"type": "NFC"}, "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
        {"type": "Digits", "individual_digits": True}, level(True)]}}),
    ("byte_level.json", {"pre_tokenizer": {"type": "Sequence", "pretokenizers": [
        split({"Regex": r"\p{N}{1,3}"}), split({"String": "."}), split({"Regex": r"\s+|\S+"}, "Removed", True), level(False)]}}),
    ("characters.json", {}),
    ("characters.json", {"added_tokens": normalized}),
    ("characters.json", {"normalizer": None, "pre_tokenizer": metaspace("first", False)}),
    ("characters.json", {"normalizer": None, "pre_tokenizer": metaspace("always", True)}),
    ("characters.json", {"normalizer": None, "pre_tokenizer": metaspace("never", False)}),
]:
    patched = json.loads((here / "bpe" / file).read_text()) | patch
    model = Tokenizer.from_str(json.dumps(patched))
    out["models"].append({"file": file, "patch": patch, "ids": [ids(model, x) for x in texts]})


# --- the shared samples on the shared texts: number of ids and a hash of them ---------------------------
def fnv(values):
    h = 0xCBF29CE484222325
    for v in values:
        h = (h ^ v) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return f"{h:016x}"


out["shared"] = []
names = sorted(str(p.relative_to(shared)) for p in (shared / "text").rglob("*.txt"))
for name in ["torchtune_tiktoken_small.model", "torchtune_tokenizer.json", "torchtune_tiny_bpe_tokenizer.json"]:
    path = shared / "tokenizers" / name
    if name.endswith(".model"):
        ranks = {base64.b64decode(l.split()[0]): int(l.split()[1]) for l in path.read_text().splitlines()}
        encoding = tiktoken.Encoding("shared", pat_str=LLAMA3, special_tokens={}, mergeable_ranks=ranks)
        encode = encoding.encode_ordinary
    else:
        model = Tokenizer.from_file(str(path))
        encode = lambda text: ids(model, text)
    for text in names:
        got = encode((shared / text).read_bytes().decode())
        out["shared"].append({"model": name, "text": text, "ids": len(got), "fnv": fnv(got)})

rows = json.dumps(out, ensure_ascii=True).replace('], [', '],\n[').replace('}, {', '},\n{')
(here / "bpe_reference.json").write_text(rows + "\n", encoding="utf-8")
