"""The Hugging Face Hub: the only room that knows huggingface_hub."""

from __future__ import annotations
