"""Folders of models with damaged or hostile files: one sentence, whatever transformers or tokenizers raise."""

import json
import shutil

import pytest

from embedscope.core.errors import EmbedscopeError
from embedscope.encoders import open_encoder
from embedscope.encoders._opening import opening

CONTENTS = {
    "deep": b"[" * 100_000,
    "empty": b"",
    "object": b"{}",
    "list": b"[]",
    "number": b"3",
    "bytes": b"\xff\xfe\x00",
    "null": b"null",
    "huge": b'{"hidden_size": 1' + b"0" * 400 + b"}",
}
FILES = ["config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors", "modules.json"]
FILES += ["1_Pooling/config.json", "sentence_bert_config.json", "config_sentence_transformers.json"]

MODULES = [
    {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
    {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
]
POOLING = {"word_embedding_dimension": 32, "pooling_mode_mean_tokens": True}


@pytest.fixture
def folder(model_folder, tmp_path):
    """A small BERT as sentence-transformers saves one."""
    made = tmp_path / "model"
    shutil.copytree(model_folder("bert"), made)
    (made / "1_Pooling").mkdir()
    (made / "modules.json").write_text(json.dumps(MODULES))
    (made / "1_Pooling" / "config.json").write_text(json.dumps(POOLING))
    (made / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 64}))
    (made / "config_sentence_transformers.json").write_text("{}")
    return made


def test_a_right_folder_is_opened(folder):
    open_encoder(f"st:{folder}")


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("content", CONTENTS)
def test_a_damaged_file_is_said(folder, file, content):
    (folder / file).write_bytes(CONTENTS[content])
    try:
        open_encoder(f"st:{folder}")
    except EmbedscopeError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MemoryError("2 TiB"), "the model hf:x needs more memory than there is: .*; get or save it again"),
        (RuntimeError("header too small\nat 3"), r"the model hf:x could not be opened \(header too small at 3\); get"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_errors_of_a_model_are_those_of_a_file(error, said):
    with pytest.raises(EmbedscopeError, match=said), opening("hf:x"):
        raise error
    with pytest.raises(KeyboardInterrupt), opening("hf:x"):
        raise KeyboardInterrupt
