"""Which version answers which request: one release as it is, or the release state followed."""
