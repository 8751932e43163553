"""The screens: what is seen and pressed; everything that is done goes through `outbox`."""

import os

# Textual's own diagnostics write down every key and what every field holds, a token as well. It looks for these when it
# is loaded, which is below this package only.
for _diagnostics in ("TEXTUAL", "TEXTUAL_DEBUG", "TEXTUAL_LOG"):
    os.environ.pop(_diagnostics, None)
