"""From uploaded bytes to a network input: decoding, field of view, quality, geometry and overlays."""
