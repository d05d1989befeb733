"""A hub cache with the paper's two models in small: same architectures and names, few dimensions, random weights."""

from __future__ import annotations

from pathlib import Path

import pytest


def train_tokenizer(bos: str, eos: str, *, framed: bool):
    """A byte-level BPE of 2,000 symbols, trained on the sentences of the Lee corpus."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    from embedscope.datasets import DATASETS, Finder

    sentences = DATASETS.get("lee_sentences").load(Finder(download=False)).tables["sentences"].texts
    special = list(dict.fromkeys([bos, eos]))
    trainer = trainers.BpeTrainer(
        vocab_size=2000,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.train_from_iterator(sentences, trainer)
    if framed:
        ids = [(s, tokenizer.token_to_id(s)) for s in (bos, eos)]
        tokenizer.post_processor = processors.TemplateProcessing(single=f"{bos} $A {eos}", special_tokens=ids)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token=bos, eos_token=eos, pad_token=eos)
    return fast, tokenizer.get_vocab_size(), *(tokenizer.token_to_id(s) for s in (bos, eos))


def snapshot(hub: Path, name: str) -> Path:
    repository = hub / f"models--{name.replace('/', '--')}"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("abc123")
    folder = repository / "snapshots" / "abc123"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture(scope="session")
def small_hub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder laid out like the hub's own cache, with ``gpt2`` and ``openai/clip-vit-base-patch32``."""
    torch = pytest.importorskip("torch", reason="torch is not installed")
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    hub = tmp_path_factory.mktemp("hub")
    torch.manual_seed(0)

    tokenizer, size, bos, eos = train_tokenizer("<|endoftext|>", "<|endoftext|>", framed=False)
    config = transformers.GPT2Config(
        vocab_size=size, n_embd=32, n_layer=12, n_head=2, n_positions=1024, bos_token_id=bos, eos_token_id=eos
    )
    folder = snapshot(hub, "gpt2")
    transformers.GPT2Model(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)

    tokenizer, size, bos, eos = train_tokenizer("<|startoftext|>", "<|endoftext|>", framed=True)
    tokenizer.model_max_length = 77
    small = {"hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 2}
    text = small | {
        "projection_dim": 16,
        "vocab_size": size,
        "num_hidden_layers": 12,
        "bos_token_id": bos,
        "eos_token_id": eos,
    }
    vision = small | {"num_hidden_layers": 1, "image_size": 32, "patch_size": 16}
    config = transformers.CLIPConfig(text_config=text, vision_config=vision, projection_dim=16)
    folder = snapshot(hub, "openai/clip-vit-base-patch32")
    transformers.CLIPModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return hub
