"""Folders saved with every kind of module and setting: ``pooled`` is what sentence-transformers gives.

What is tested is what follows the transformer, so that it is a small one; MiniLM is saved once.
"""

from __future__ import annotations

import json

import numpy as np
import pytest
from tests.encoders.conftest import tokenizer

from embedscope.core.errors import DataUnavailableError, InputError
from embedscope.encoders import ALIASES, open_encoder, open_model, reading_note, role_pooling, score_of

pytestmark = pytest.mark.models

TEXTS = [
    "A cat",
    "the quick BROWN fox jumps over the lazy dog",
    "naïve café 漢字 🙂",
    "",
    " spaced  out ",
]
LONG = [*TEXTS, "long words " * 300]
"""With a text that is cut off, and that the others of its batch are filled up to."""


@pytest.fixture(scope="module")
def st():
    return pytest.importorskip("sentence_transformers", reason="extra hf is not installed")


@pytest.fixture(scope="module")
def saved(st, model_folder, tmp_path_factory):  # noqa: C901
    """Factory: name -> folder of a saved model."""
    import torch
    from sentence_transformers.sentence_transformer import modules as m

    small = str(model_folder("bert"))

    def transformer(**options):
        return m.Transformer(small, **options)

    def minilm():
        if ALIASES["minilm"].path() is None:
            pytest.skip(f"MiniLM is not installed: {ALIASES['minilm'].install}")
        return [m.Transformer(str(ALIASES["minilm"].find())), m.Pooling(384), m.Normalize()]

    def dense():
        return m.Dense(32, 12, activation_function=torch.nn.Tanh())

    def static():
        import tokenizers

        own = transformer()
        words = own.model.embeddings.word_embeddings.weight.detach().clone()
        return m.StaticEmbedding(tokenizers.Tokenizer.from_file(f"{small}/tokenizer.json"), embedding_weights=words)

    def pooling(**modes):
        return m.Pooling(32, **modes)

    def words():
        one = transformer()
        vocab = [t for t, _ in sorted(one.tokenizer.get_vocab().items(), key=lambda item: item[1])]
        return [one, m.WordWeights(vocab, {"cat": 3.0, "fox": 2.0}, 0.5), pooling()]

    def layers():
        one = transformer(config_kwargs={"output_hidden_states": True})
        return [one, m.WeightedLayerPooling(32, num_hidden_layers=2, layer_start=1), pooling()]

    def own_words():
        from sentence_transformers.sentence_transformer.modules.tokenizer import WhitespaceTokenizer

        vocab = ["a", "cat", "the", "quick", "brown", "fox", "words", "long"]
        read = m.WordEmbeddings(WhitespaceTokenizer(vocab), torch.randn(len(vocab), 24), update_embeddings=True)
        return [read, m.LSTM(24, 16), m.Pooling(32, pooling_mode="mean")]

    def routed():
        return [m.Router.for_query_document([static(), m.Normalize()], [transformer(), pooling(), m.Normalize()])]

    def routed_late():
        late = m.Router.for_query_document([dense()], [dense()])
        return [transformer(), pooling(), late]

    plain = {
        "MiniLM": minilm,
        "plain": lambda: [transformer(), pooling(), m.Normalize()],
        "max": lambda: [transformer(), pooling(pooling_mode="max")],
        "cls+mean": lambda: [transformer(), pooling(pooling_mode=("cls", "mean"))],
        "weightedmean": lambda: [transformer(), pooling(pooling_mode="weightedmean")],
        "lasttoken": lambda: [transformer(), pooling(pooling_mode="lasttoken")],
        "dense": lambda: [transformer(), pooling(), dense(), m.Normalize()],
        "layer norm": lambda: [transformer(), pooling(), m.LayerNorm(32)],
        "cnn": lambda: [transformer(), m.CNN(32, 8), m.Pooling(24, pooling_mode="mean")],
        "words, lstm": own_words,
        "word weights": words,
        "weighted layers": layers,
        "static": lambda: [static(), m.Normalize()],
        "bag of words": lambda: [m.BoW(["cat", "fox", "dog"], {"cat": 2.0}), m.Dense(3, 8)],
        "router": routed,
        "router last": routed_late,
        "short": lambda: [transformer(max_seq_length=16), pooling()],
        "lower case": lambda: [transformer(do_lower_case=True), pooling()],
        "prompt left out": lambda: [transformer(), pooling(include_prompt=False)],
    }
    settings = {
        "prompts": ("plain", {"prompts": {"query": "query: ", "document": "text: "}}),
        "default prompt": ("plain", {"prompts": {"sts": "alike: ", "query": "query: "}, "default_prompt_name": "sts"}),
        "passage": ("plain", {"prompts": {"query": "query: ", "passage": "passage: "}}),
        "dense prompts": ("dense", {"prompts": {"query": "q: "}, "truncate_dim": 8}),
        "truncated": ("plain", {"truncate_dim": 20}),
        "truncated static": ("static", {"truncate_dim": 16, "prompts": {"query": "what is "}}),
        "dot": ("max", {"similarity_fn_name": "dot"}),
        "euclidean": ("plain", {"similarity_fn_name": "euclidean"}),
        "prompt left out of the mean": ("prompt left out", {"prompts": {"query": "find this: "}}),
    }
    made = {}

    def make(name):
        if name not in made:
            kind, options = settings.get(name, (name, {}))
            torch.manual_seed(3)
            folder = tmp_path_factory.mktemp("saved") / "model"
            model = st.SentenceTransformer(modules=plain[kind](), device="cpu", **options)
            model.save(str(folder), create_model_card=False)
            made[name] = folder
        return made[name]

    make.names = (*plain, *settings)
    return make


def ours(encoder, texts, role):
    """Vectors of ``texts`` in a role, of encoders of both kinds."""
    setting = role_pooling(encoder, role)
    if hasattr(encoder, "encode"):
        return encoder.encode(texts, [setting])[setting]["pooled"]
    return encoder.matrix(setting, "pooled", texts)


NAMES = [
    *(
        "MiniLM",
        "plain",
        "max",
        "cls+mean",
        "weightedmean",
        "lasttoken",
        "dense",
        "layer norm",
        "cnn",
        "words, lstm",
        "word weights",
    ),
    *("weighted layers", "static", "bag of words", "router", "router last", "short", "lower case", "prompt left out"),
    *("prompts", "default prompt", "passage", "dense prompts", "truncated", "truncated static", "dot", "euclidean"),
    "prompt left out of the mean",
]


@pytest.mark.parametrize("name", NAMES)
def test_pooled_is_what_the_library_gives(st, saved, name):
    folder = saved(name)
    library = st.SentenceTransformer(str(folder), device="cpu")
    encoder = open_model(f"st:{folder}", device="cpu")
    for role, call in ((None, library.encode), ("query", library.encode_query), ("document", library.encode_document)):
        wanted = call(LONG, show_progress_bar=False)
        np.testing.assert_allclose(ours(encoder, LONG, role), wanted, atol=1e-6, rtol=1e-6, err_msg=str(role))
    assert score_of(encoder) == library.similarity_fn_name


def test_what_was_used_is_said(saved):
    def note(name, **options):
        return reading_note(open_model(f"st:{saved(name)}", device="cpu", **options))

    assert note("plain") is None
    assert note("prompts") == "query prompt 'query: '; document prompt 'text: '"
    assert note("default prompt") == "prompt 'alike: '; query prompt 'query: '"
    assert note("passage") == "query prompt 'query: '; prompts not used passage"
    assert note("truncated static") == "query prompt 'what is '; truncate_dim 16"
    assert note("dot") == "score dot"
    assert note("dot", query_prompt="Q ", score="cosine") == "query prompt 'Q '; score cosine"


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("name", ["max", "dense"])
def test_weights_saved_in_half_precision_run_in_float32_and_that_is_said(st, saved, tmp_path, name, dtype):
    import torch

    folder, half = tmp_path / "half", getattr(torch, dtype)
    st.SentenceTransformer(str(saved(name)), device="cpu").to(half).save(str(folder), create_model_card=False)
    assert next(st.SentenceTransformer(str(folder), device="cpu").parameters()).dtype == half
    library = st.SentenceTransformer(str(folder), device="cpu", model_kwargs={"dtype": torch.float32})
    encoder = open_model(f"st:{folder}", device="cpu")
    assert reading_note(encoder) == f"weights saved in {dtype}, run in float32"
    wanted = library.float().encode(TEXTS, show_progress_bar=False)
    np.testing.assert_allclose(ours(encoder, TEXTS, None), wanted, atol=1e-6, rtol=1e-6)
    assert reading_note(open_model(f"st:{folder}", device="cpu", dtype=dtype)) is None


@pytest.mark.parametrize("name", ["plain", "dense prompts", "static", "router"])
def test_prompts_can_be_replaced(st, saved, name):
    library = st.SentenceTransformer(str(saved(name)), device="cpu")
    encoder = open_model(f"st:{saved(name)}", device="cpu", query_prompt="find: ", document_prompt="", score="dot")
    wanted = library.encode_query(TEXTS, prompt="find: ")
    np.testing.assert_allclose(ours(encoder, TEXTS, "query"), wanted, atol=1e-6)
    np.testing.assert_allclose(ours(encoder, TEXTS, "document"), library.encode_document(TEXTS, prompt=""), atol=1e-6)
    assert score_of(encoder) == "dot"


def test_layers_stay_those_of_the_transformer(saved):
    texts = [t for t in TEXTS if t]
    encoder, plain = (open_encoder(f"st:{saved(n)}", device="cpu") for n in ("dense prompts", "max"))
    got, wanted = (e.encode(texts, ["plain"])["plain"] for e in (encoder, plain))
    assert list(got) == list(wanted)
    for space, x in wanted.items():
        np.testing.assert_allclose(got[space], x, atol=1e-6)


def test_a_random_model_has_random_modules(saved):
    one, again, other = (
        open_encoder(f"random:st:{saved('dense')}", device="cpu", seed=seed).encode(TEXTS, [], pooled=True)[None][
            "pooled"
        ]
        for seed in (1, 1, 2)
    )
    own = open_encoder(f"st:{saved('dense')}", device="cpu").encode(TEXTS, [], pooled=True)[None]["pooled"]
    np.testing.assert_array_equal(one, again)
    assert np.abs(one - other).max() > 0.1
    assert np.abs(one - own).max() > 0.1


@pytest.mark.parametrize("path", ["../auto", "/etc", "a/../../b", "..\\auto"])
def test_modules_outside_the_folder_are_refused(model_folder, tmp_path, path):
    import shutil

    folder = tmp_path / "st"
    shutil.copytree(model_folder("bert"), folder)
    modules = [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": path, "type": "sentence_transformers.models.Dense"},
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(InputError, match="outside the model's folder"):
        open_model(f"st:{folder}")
    with pytest.raises(InputError, match="outside the model's folder"):
        open_encoder(f"hf:{folder}")


def edit_copy(saved, tmp_path, edit, name="plain"):
    """A copy of a saved folder, with its list of modules as ``edit`` leaves the folder."""
    import shutil

    folder = tmp_path / "st"
    shutil.copytree(saved(name), folder)
    edit(folder)
    return folder


def change_modules(change):
    def edit(folder):
        modules = json.loads((folder / "modules.json").read_text())
        (folder / "modules.json").write_text(json.dumps(change(modules)))

    return edit


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (
            change_modules(lambda m: [{**m[0], "type": "custom_st.Transformer"}, *m[1:]]),
            "runs code of its own; where you trust it, add --trust-remote-code",
        ),
        (lambda folder: (folder / "1_Pooling" / "config.json").unlink(), "which says how tokens become one vector"),
        (
            lambda folder: (folder / "1_Pooling" / "config.json").write_text(
                '{"word_embedding_dimension": 32, "x": 1}'
            ),
            "could not load .*unexpected keyword argument 'x'",
        ),
        (change_modules(lambda m: m[::-1]), "cannot encode texts: 'Normalize' object"),
        (change_modules(lambda m: m[:1]), "its modules, Transformer, give no sentence vector"),
    ],
)
def test_folders_that_the_library_would_not_run(saved, tmp_path, edit, said):
    """Nothing is computed in another way than the folder says."""
    with pytest.raises(InputError, match=said) as error:
        ours(open_model(f"st:{edit_copy(saved, tmp_path, edit)}", device="cpu"), ["a cat"], None)
    assert len(str(error.value)) < 400


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("adapter_config.json", "PEFT adapter: save the whole model, after model.merge_and_unload"),
        ("onnx/model.onnx", "its ONNX graph is read as onnx:"),
    ],
)
@pytest.mark.parametrize("lacking", [("model.safetensors",), ("model.safetensors", "config.json")])
def test_what_lies_in_place_of_a_model(model_folder, tmp_path, lacking, file, said):
    import shutil

    folder = tmp_path / "m"
    shutil.copytree(model_folder("bert"), folder)
    for name in lacking:
        (folder / name).unlink()
    (folder / file).parent.mkdir(exist_ok=True)
    (folder / file).write_text("{}")
    with pytest.raises(DataUnavailableError, match=said):
        open_model(f"hf:{folder}", device="cpu")


def test_routes_outside_the_folder_are_refused(saved, tmp_path):
    import shutil

    folder = tmp_path / "st"
    shutil.copytree(saved("router"), folder)
    file = next(folder.rglob("router_config.json"))
    config = json.loads(file.read_text())
    key = next(iter(config["types"]))
    config["types"]["../../other"] = config["types"].pop(key)
    file.write_text(json.dumps(config))
    with pytest.raises(InputError, match="outside the model's folder"):
        open_model(f"st:{folder}")


def test_a_changed_module_is_another_model(saved, tmp_path):
    """The vectors kept on disk are found by every file that decides them, the Dense layer's too."""
    import shutil

    from safetensors.numpy import load_file, save_file

    from embedscope.core.cache import VectorCache
    from embedscope.sources.text_vectors import extract

    folder, cache = tmp_path / "st", VectorCache(tmp_path / "cache")
    shutil.copytree(saved("dense"), folder)

    def read():
        return extract(open_encoder(f"st:{folder}", device="cpu"), ["a cat"], [None], cache=cache).matrix(
            None, "pooled", ["a cat"]
        )

    first = read()
    file = next((folder / "2_Dense").glob("*.safetensors"))
    save_file({k: v[::-1].copy() for k, v in load_file(file).items()}, file)
    assert np.abs(read() - first).max() > 1e-3


ARCHITECTURES = {
    "t5": (
        "T5Config",
        {"d_model": 32, "d_ff": 48, "d_kv": 8, "num_layers": 2, "num_heads": 4},
        ["layer00", "layer01", "layer02", "final"],
    ),
    "gpt2": ("GPT2Config", {"n_embd": 32, "n_layer": 2, "n_head": 4}, ["layer00", "layer01", "layer02", "final"]),
    "albert": (
        "AlbertConfig",
        {
            "hidden_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "intermediate_size": 48,
            "embedding_size": 16,
        },
        ["pooled"],
    ),
    "xlnet": ("XLNetConfig", {"d_model": 32, "n_layer": 2, "n_head": 4, "d_inner": 48}, ["pooled"]),
}


@pytest.fixture(scope="module")
def small_saved(st, tmp_path_factory):
    """Factory: architecture -> sentence-transformers folder of a small random model of it, and the same without."""
    import torch
    import transformers as t
    from sentence_transformers.sentence_transformer import modules as m

    made = {}

    def make(kind):
        if kind not in made:
            folder = tmp_path_factory.mktemp(kind)
            name, sizes, _ = ARCHITECTURES[kind]
            size = tokenizer(folder, "bert")
            torch.manual_seed(5)
            model = t.AutoModel.from_config(getattr(t, name)(vocab_size=size, pad_token_id=0, **sizes))
            with torch.no_grad():
                for parameter in model.parameters():
                    parameter.copy_(0.3 * torch.randn_like(parameter))
            model.save_pretrained(folder)
            text = json.loads((folder / "tokenizer_config.json").read_text())
            names = ["input_ids", "token_type_ids", "attention_mask"]
            (folder / "tokenizer_config.json").write_text(json.dumps(text | {"model_input_names": names}))
            first = m.Transformer(str(folder))
            st.SentenceTransformer(modules=[first, m.Pooling(32, pooling_mode="mean")], device="cpu").save(
                str(folder / "st"), create_model_card=False
            )
            made[kind] = folder
        return made[kind]

    return make


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_pooled_of_every_architecture(st, small_saved, kind):
    """T5's encoder, token types that GPT-2 adds up, blocks that share weights, states with the tokens first."""
    folder = small_saved(kind) / "st"
    texts = ["the cat sat", "a dog runs in the park", "words"]
    wanted = st.SentenceTransformer(str(folder), device="cpu").encode(texts, show_progress_bar=False)
    encoder = open_model(str(folder), device="cpu")
    np.testing.assert_allclose(ours(encoder, texts, None), wanted, atol=1e-5)
    assert list(encoder.spaces) == ARCHITECTURES[kind][2]


def test_a_transformer_without_layers_is_refused_where_it_has_no_sentence_vector(small_saved):
    for uri in (str(small_saved("albert")), f"random:st:{small_saved('albert')}/st"):
        with pytest.raises(InputError, match=r"AlbertModel has no list of 2 blocks.*so its layers cannot be read"):
            open_model(uri, device="cpu")
    assert "no layers: AlbertModel" in open_model(f"{small_saved('albert')}/st", device="cpu").spaces["pooled"]


def test_vectors_kept_on_disk_are_of_these_weights(small_saved, tmp_path):
    """Two transformers without layers in folders of the same modules are two models."""
    import shutil

    from safetensors.numpy import load_file, save_file

    folder = tmp_path / "st"
    shutil.copytree(small_saved("albert") / "st", folder)
    first = open_model(str(folder), device="cpu").matrix(None, "pooled", ["a cat"])
    file = folder / "model.safetensors"
    save_file({k: -v for k, v in load_file(file).items()}, file, metadata={"format": "pt"})
    assert np.abs(open_model(str(folder), device="cpu").matrix(None, "pooled", ["a cat"]) - first).max() > 1e-3
