"""The screens: what is seen and pressed; everything that is done goes through `outbox`."""
