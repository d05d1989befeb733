"""Models without layers: objects of every protocol, static embeddings against model2vec, ONNX against MiniLM itself."""

from __future__ import annotations

import asyncio
import gc
import json
import shutil
import warnings

import numpy as np
import pytest

from embedscope.core.errors import DataUnavailableError, InputError
from embedscope.encoders import ALIASES, is_model, open_encoder, open_model, register_model, role_pooling, score_of

TEXTS = ["a cat", "the quick brown fox", "a cat", "x"]


def letters(texts):
    x = np.zeros((len(texts), 8))
    for row, text in enumerate(texts):
        for letter in text:
            x[row, ord(letter) % 8] += 1
    return x


class Encodes:
    similarity_fn_name = "dot"

    def encode(self, texts):
        return letters(texts)


class Sentences(Encodes):
    prompts = {"query": "query: ", "document": ""}

    def encode_query(self, texts):
        return letters([f"query: {t}" for t in texts])

    def encode_document(self, texts):
        return letters(texts)


class LangChain:
    model = "some/model"

    def embed_documents(self, texts):
        return letters(texts).tolist()

    def embed_query(self, text):
        return letters([f"query: {text}"])[0].tolist()


class LlamaIndex:
    def get_text_embedding(self, text):
        return letters([text])[0].tolist()

    def get_query_embedding(self, text):
        return letters([f"query: {text}"])[0].tolist()


class LlamaIndexBatch(LlamaIndex):
    def get_text_embedding_batch(self, texts):
        return letters(texts).tolist()


class Chroma:
    def __call__(self, input):  # noqa: A002
        return list(letters(input))

    def embed_query(self, input):  # noqa: A002
        return list(letters([f"query: {t}" for t in input]))


@pytest.mark.parametrize("kind", [Encodes, Sentences, LangChain, LlamaIndex, LlamaIndexBatch, Chroma])
def test_objects(kind):
    model = kind()
    encoder = open_model(model)
    np.testing.assert_allclose(encoder.matrix(None, "pooled", TEXTS), letters(TEXTS))
    queries = encoder.matrix(role_pooling(encoder, "query"), "pooled", TEXTS)
    wanted = letters(TEXTS if kind is Encodes else [f"query: {t}" for t in TEXTS])
    np.testing.assert_allclose(queries, wanted)
    np.testing.assert_allclose(encoder.matrix(role_pooling(encoder, "document"), "pooled", TEXTS), letters(TEXTS))
    assert score_of(encoder) == ("dot" if issubclass(kind, Encodes) else "cosine")
    assert json.dumps(dict(encoder.facts))


def test_functions_and_tensors():
    torch = pytest.importorskip("torch", reason="extra hf is not installed")

    def function(texts):
        return torch.tensor(letters(texts), requires_grad=True)

    def rows(texts):
        return [torch.tensor(row) for row in letters(texts)]

    for model in (function, rows, letters):
        np.testing.assert_allclose(open_model(model).matrix(None, "pooled", TEXTS), letters(TEXTS))


def test_rows_may_come_one_by_one():
    model = lambda texts: (row for row in letters(texts))  # noqa: E731
    np.testing.assert_allclose(open_model(model).matrix(None, "pooled", TEXTS), letters(TEXTS))


def test_what_an_object_raises_is_a_sentence_with_its_cause():
    def fail(texts):
        raise RuntimeError("out of\nmemory")

    with pytest.raises(InputError, match=r"object:fail failed on 3 texts with RuntimeError \(out of memory\)") as error:
        open_model(fail).matrix(None, "pooled", TEXTS)
    assert isinstance(error.value.__cause__, RuntimeError)


class AsyncOnly:
    """Synchronous methods that a base class asks for, and a client that belongs to one loop."""

    loop = None

    def embed_documents(self, texts):
        raise NotImplementedError

    async def aembed_documents(self, texts):
        await self._ask()
        return letters(texts).tolist()

    async def aembed_query(self, text):
        await self._ask()
        return letters([f"query: {text}"])[0].tolist()

    async def _ask(self):
        await asyncio.sleep(0)
        self.loop = self.loop or asyncio.get_running_loop()
        assert self.loop is asyncio.get_running_loop()


async def asynchronous_letters(texts):
    return letters(texts)


@pytest.mark.parametrize("running", [False, True])
def test_asynchronous_objects_are_waited_for(running):
    def check():
        encoder = open_model(AsyncOnly())
        np.testing.assert_allclose(encoder.matrix(None, "pooled", TEXTS), letters(TEXTS))
        queries = encoder.matrix(role_pooling(encoder, "query"), "pooled", TEXTS)
        np.testing.assert_allclose(queries, letters([f"query: {text}" for text in TEXTS]))
        np.testing.assert_allclose(open_model(asynchronous_letters).matrix(None, "pooled", TEXTS), letters(TEXTS))

    async def notebook():
        check()

    asyncio.run(notebook()) if running else check()


@pytest.mark.parametrize("limit", [1, 3, 8])
def test_an_object_that_takes_few_texts_at_once_gets_few(limit):
    asked = []

    def few(texts):
        asked.append(len(texts))
        if len(texts) > limit:
            raise ValueError(f"at most {limit} texts")
        return letters(texts)

    texts = [f"text {i}" for i in range(31)]
    encoder = open_model(few)
    np.testing.assert_allclose(encoder.matrix(None, "pooled", texts), letters(texts))
    at_once = encoder.facts["texts at once"]
    assert limit / 2 < at_once <= limit
    asked.clear()
    np.testing.assert_allclose(encoder.matrix(None, "pooled", texts), letters(texts))
    assert max(asked) == at_once  # what it takes is found out once
    assert "texts at once" not in open_model(letters).facts


def test_a_text_that_an_object_does_not_take_is_named():
    def picky(texts):
        if "bad one" in texts:
            raise ValueError("no")
        return letters(texts)

    texts = [f"text {i}" for i in range(9)] + ["bad one"]
    with pytest.raises(InputError, match="failed on the text 'bad one' with ValueError"):
        open_model(picky).matrix(None, "pooled", texts)


def test_an_object_has_a_name_as_long_as_it_lives():
    model = Encodes()
    name = register_model(model)
    assert is_model(name)
    assert register_model(model) == name
    other = Encodes()
    assert register_model(other) != name
    assert register_model(other, "mine") == "object:mine"
    with pytest.raises(InputError, match="names another object"):
        register_model(model, "mine")
    np.testing.assert_allclose(open_model("object:mine").matrix(None, "pooled", TEXTS), letters(TEXTS))
    del other
    gc.collect()
    with pytest.raises(InputError, match="no object named 'mine'"):
        open_model("object:mine")


@pytest.mark.parametrize("thing", [3, object(), Encodes, None, ["a"]])
def test_what_is_no_model(thing):
    with pytest.raises(InputError, match="no model of texts"):
        open_model(thing)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda texts: letters(texts)[:-1], "for 3 texts"),
        (lambda texts: letters(texts)[0], "one row per text"),
        (lambda _: "no", "one row per text|no array of numbers"),
        (lambda _: None, "one row per text|no array of numbers"),
        (lambda _: [[1.0], [1.0, 2.0], [1.0]], "no array of numbers"),
    ],
)
def test_what_an_object_gives_is_checked(wrong, message):
    with pytest.raises(InputError, match=message):
        open_model(wrong).matrix(None, "pooled", TEXTS)


def test_prompts_for_objects():
    encoder = open_model(letters, query_prompt="Q ", score="euclidean")
    np.testing.assert_allclose(encoder.matrix(role_pooling(encoder, "query"), "pooled", ["a"]), letters(["Q a"]))
    assert score_of(encoder) == "euclidean"


# static embeddings


@pytest.fixture(scope="module")
def word_tokenizer():
    tokenizers = pytest.importorskip("tokenizers", reason="extra hf is not installed")
    vocab = {w: i for i, w in enumerate(["[UNK]", "[PAD]", "a", "cat", "the", "quick", "fox", "##s"])}
    made = tokenizers.Tokenizer(tokenizers.models.WordPiece(vocab, unk_token="[UNK]"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    return made


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("quantised", [False, True])
def test_model2vec(tmp_path, word_tokenizer, normalize, quantised):
    model2vec = pytest.importorskip("model2vec", reason="model2vec is not installed")
    rng = np.random.default_rng(0)
    extra = {}
    if quantised:
        weights = rng.random(8).astype(np.float32)
        extra = {"token_mapping": np.array([0, 1, 2, 0, 1, 2, 3, 3]), "weights": weights}
    x = rng.normal(size=(4 if quantised else 8, 5)).astype(np.float32)
    made = model2vec.StaticModel(x, word_tokenizer, normalize=normalize, config={"normalize": normalize}, **extra)
    made.save_pretrained(tmp_path / "m")
    texts = ["a cat", "the quick foxs", "unheard", "", "a unheard fox", "cat " * 700]
    wanted = made.encode(texts)
    st = pytest.importorskip("sentence_transformers", reason="extra hf is not installed")
    library = st.SentenceTransformer(str(tmp_path / "m"), device="cpu").encode(texts)
    wrapped = open_model(f"hf:{tmp_path / 'm'}", device="cpu", cache=False)  # it has modules.json
    np.testing.assert_allclose(wrapped.matrix(None, "pooled", texts), library, atol=1e-6)
    (tmp_path / "m" / "modules.json").unlink()
    config = json.loads((tmp_path / "m" / "config.json").read_text())
    (tmp_path / "m" / "config.json").write_text(json.dumps(config | {"model_type": "model2vec"}))
    bare = open_model(f"hf:{tmp_path / 'm'}")
    np.testing.assert_allclose(bare.matrix(None, "pooled", texts), wanted, atol=1e-6)


def test_static_folders_are_checked(tmp_path, word_tokenizer):
    from safetensors.numpy import save_file

    folder = tmp_path / "s"
    folder.mkdir()
    word_tokenizer.save(str(folder / "tokenizer.json"))
    x = np.eye(8, dtype=np.float32)
    save_file({"embedding.weight": x}, folder / "model.safetensors")
    encoder = open_model(f"hf:{folder}")
    np.testing.assert_allclose(encoder.matrix(None, "pooled", ["a cat", "zzz"]), [(x[2] + x[3]) / 2, 0 * x[0]])
    save_file({"embedding.weight": x[:5]}, folder / "model.safetensors")
    with pytest.raises(InputError, match="do not belong together"):
        open_model(f"hf:{folder}")
    save_file({"embeddings": x, "mapping": np.full(8, 9)}, folder / "model.safetensors")
    with pytest.raises(InputError, match="maps tokens to rows"):
        open_model(f"hf:{folder}")
    save_file({"encoder.layer.0.weight": x}, folder / "model.safetensors")
    with pytest.raises(InputError, match=r"config\.json of the model missing"):
        open_model(f"hf:{folder}")


# ONNX


@pytest.fixture(scope="module")
def onnx_folder(tmp_path_factory):
    """MiniLM's transformer as an ONNX graph, with the files of its folder; ``sentence`` adds the pooled output."""
    torch = pytest.importorskip("torch", reason="extra hf is not installed")
    pytest.importorskip("onnxruntime", reason="extra onnx is not installed")
    if ALIASES["minilm"].path() is None:
        pytest.skip("MiniLM is not installed")
    from transformers import AutoModel

    source, folder = ALIASES["minilm"].find(), tmp_path_factory.mktemp("onnx") / "model"
    model = AutoModel.from_pretrained(str(source), attn_implementation="eager").eval()

    class Graph(torch.nn.Module):
        def __init__(self, sentence):
            super().__init__()
            self.model, self.sentence = model, sentence

        def forward(self, input_ids, attention_mask, token_type_ids):
            inputs = {"input_ids": input_ids, "attention_mask": attention_mask, "token_type_ids": token_type_ids}
            states = self.model(**inputs).last_hidden_state
            return (states, states[:, 0]) if self.sentence else states

    folder.mkdir()
    names = ["input_ids", "attention_mask", "token_type_ids"]
    ones = torch.ones(2, 7, dtype=torch.long)
    for file, outputs in (("model.onnx", ["states"]), ("pooled.onnx", ["states", "sentence_embedding"])):
        axes = {n: {0: "batch", 1: "length"} for n in [*names, "states"]} | {"sentence_embedding": {0: "batch"}}
        axes = {n: a for n, a in axes.items() if n in [*names, *outputs]}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                Graph(len(outputs) > 1),
                (ones, ones, 0 * ones),
                folder / file,
                input_names=names,
                output_names=outputs,
                dynamic_axes=axes,
                opset_version=17,
                dynamo=False,
            )
    for name in ("tokenizer.json", "tokenizer_config.json", "config.json", "modules.json", "sentence_bert_config.json"):
        shutil.copy(source / name, folder)
    shutil.copytree(source / "1_Pooling", folder / "1_Pooling")
    return folder


LONG = ["cat", "the quick brown fox jumps over the lazy dog", "naïve café 漢字 🙂", "", "long words " * 200]


@pytest.mark.models
def test_onnx_equals_the_model(onnx_folder):
    wanted = open_encoder("minilm", device="cpu").encode(LONG, [], pooled=True)[None]["pooled"]
    encoder = open_model(f"onnx:{onnx_folder}", cache=False)
    np.testing.assert_allclose(encoder.matrix(None, "pooled", LONG), wanted, atol=1e-5)
    assert encoder.facts["pooled"] == "mean of states, L2-normalised"


@pytest.mark.models
def test_onnx_pooling_is_never_guessed(onnx_folder, tmp_path):
    bare = tmp_path / "bare"
    bare.mkdir()
    for name in ("model.onnx", "pooled.onnx", "tokenizer.json"):
        shutil.copy(onnx_folder / name, bare)
    with pytest.raises(InputError, match=r"\?pooling=mean, cls or last"):
        open_model(f"onnx:{bare}")
    short = LONG[:4]
    plain = open_encoder(f"hf:{ALIASES['minilm'].find()}", device="cpu")
    wanted = plain.encode(short, [], pooled=True)[None]["pooled"]
    mean = open_model(f"onnx:{bare}?pooling=mean&normalize=1", cache=False).matrix(None, "pooled", short)
    np.testing.assert_allclose(mean, wanted, atol=1e-5)
    cls = open_model(f"onnx:{bare}?pooling=cls", cache=False).matrix(None, "pooled", short)
    own = open_model(f"onnx:{bare}?file=pooled.onnx", cache=False)
    np.testing.assert_allclose(own.matrix(None, "pooled", short), cls, atol=1e-6)
    assert own.facts["pooled"] == "output sentence_embedding"
    assert np.abs(cls - mean).max() > 0.1


@pytest.mark.models
def test_onnx_settings_of_the_folder(onnx_folder, tmp_path):
    folder = tmp_path / "m"
    shutil.copytree(onnx_folder, folder)
    settings = {"prompts": {"query": "query: "}, "truncate_dim": 64, "similarity_fn_name": "dot"}
    (folder / "config_sentence_transformers.json").write_text(json.dumps(settings))
    encoder = open_model(f"onnx:{folder}", cache=False)
    found = encoder.matrix(role_pooling(encoder, "query"), "pooled", ["a cat"])
    wanted = open_model(f"onnx:{onnx_folder}", cache=False).matrix(None, "pooled", ["query: a cat"])
    np.testing.assert_allclose(found, wanted[:, :64], atol=1e-6)
    assert score_of(encoder) == "dot"


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ("", DataUnavailableError, r"no model\.onnx"),
        ("?pooling=max", DataUnavailableError, r"no model\.onnx"),
        ("?pool=mean", InputError, "option 'pool'"),
    ],
)
def test_onnx_addresses(tmp_path, options, error, message):
    pytest.importorskip("onnxruntime", reason="extra onnx is not installed")
    with pytest.raises(error, match=message):
        open_model(f"onnx:{tmp_path}{options}")


def test_a_graph_of_another_name_is_told_its_address(tmp_path):
    graph = tmp_path / "onnx" / "model_O4.onnx"
    graph.parent.mkdir()
    graph.write_bytes(b"x")
    with pytest.raises(DataUnavailableError) as other:
        open_model(f"onnx:{tmp_path}")
    assert str(other.value).endswith(f"for model_O4.onnx: onnx:{tmp_path}?file=onnx/model_O4.onnx")
    with pytest.raises(InputError) as alone:
        open_model(f"onnx:{graph}")
    assert str(alone.value).endswith(f"name its folder: onnx:{graph.parent}?file=model_O4.onnx")
