"""Where pictures and sentences come from: handwriting, scenes, captions, tokens."""
