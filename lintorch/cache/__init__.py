"""What is kept between runs: bytes below a folder, never trusted, never needed."""
