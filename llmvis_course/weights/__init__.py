"""Small trained weights, and what made them."""

from pathlib import Path

FOLDER = Path(__file__).parent
DRAWER = FOLDER / "drawer.safetensors"
TOKENIZER = FOLDER / "tokenizer.json"
