"""Makes tokenizer_reference.json: ids and decoded text of the shared SentencePiece models, by the
Python wheel. Run: python3 -m venv /tmp/v && /tmp/v/bin/pip install sentencepiece==0.2.0 &&
/tmp/v/bin/python tests/data/make_tokenizer_reference.py ../shared/data/tokenizers"""
import json
import pathlib
import sys

import sentencepiece

TEXTS = [
    "Hello world.",
    "  two leading and  inner spaces ",
    "line one\nline two\ttab",
    "BaTiO3 was sintered at 1200 °C for 12 h; δ = 0.05.",
    "naïve café — 東京 😀",
    "data_Na1Cl1\n5.6 5.6 5.6\n90 90 90",
    "<s> </s> <unk> <|im_start|>",
    "",
]
MODELS = ["sp_test_model.model", "torchtune_m.model", "torchtune_sentencepiece.model"]

folder = pathlib.Path(sys.argv[1])
out = {"made_by": f"sentencepiece {sentencepiece.__version__} (Python wheel)", "models": {}}
for name in MODELS:
    sp = sentencepiece.SentencePieceProcessor(model_file=str(folder / name))
    out["models"][name] = [
        {"text": t, "ids": sp.encode(t), "decoded": sp.decode(sp.encode(t))} for t in TEXTS
    ]
path = pathlib.Path(__file__).parent / "tokenizer_reference.json"
path.write_text(json.dumps(out, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")
