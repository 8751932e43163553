"""cfmail: write a mail in a terminal, send it once through Cloudflare Email Sending, know what became of it."""

__version__ = "0.1.0"
