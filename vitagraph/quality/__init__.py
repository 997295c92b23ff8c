"""What a session was like for the person: measured during the call, kept in a file, and reported."""
