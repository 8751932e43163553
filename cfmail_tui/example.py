"""The mail that `cfmail demo` begins with: its fields by the names that a draft has for them."""

EXAMPLE = {
    "sender": "Alice Example <alice@acme.example>",
    "to": "bob@example.com, queue@example.com",
    "cc": '"Fields, Carol" <bounce@example.org>',
    "subject": "A first mail with cfmail",
    "text": (
        "Hi Bob,\n\nthis mail goes into the sandbox on this machine; nothing leaves it.\n\n"
        "What becomes of a recipient depends on the name before the @: try bounce,\n"
        "queue, suppressed, throttle, error500, slow-5 or cut; others are delivered.\n\n"
        "F9 reviews the mail, y sends it.\n"
    ),
}
