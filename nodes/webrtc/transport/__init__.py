"""What carries a call: the connection, its audio in and out, and its data channels."""
