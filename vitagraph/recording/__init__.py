"""Recording: writes calls as MCAP files, and reads them again; docs/recording.md describes the format."""
