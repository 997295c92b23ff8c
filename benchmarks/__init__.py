"""Programs that measure. Each says what it did not measure."""
