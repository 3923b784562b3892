"""A trained model as files that other programs run: see `docs/export.md`."""
