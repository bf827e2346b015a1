"""The training loop, averaged weights, chance and checkpoints: what every lesson shares."""
