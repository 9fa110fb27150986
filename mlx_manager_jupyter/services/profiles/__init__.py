"""Profiles: saved, validated ways to run a model.

| concern | where |
|---|---|
| create, edit, copy, rename, delete; what other Jupyter servers did | `manager.ProfileManager` |
| is a value right, field by field | `validation`; whose a name is: `names` |
| what saving and starting would say, while a form is filled in | `checking.Checker` |
| export and import | `document` |
| which parser reads what a model writes, by engine and version | `parsers` |
| what a model suggests, each with its reason | `suggesting` |
| ready-made beginnings by family | `starting_points` |
| trying it on the running model | `probing.Prober`, with `questions` and `evidence` |
"""

from __future__ import annotations

from mlx_manager_jupyter.services.profiles.checking import Checker
from mlx_manager_jupyter.services.profiles.evidence import EvidenceBook
from mlx_manager_jupyter.services.profiles.manager import ProfileManager
from mlx_manager_jupyter.services.profiles.probing import Prober

__all__ = ["Checker", "EvidenceBook", "Prober", "ProfileManager"]
