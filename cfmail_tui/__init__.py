"""cfmail: write a mail in a terminal, send it once through Cloudflare Email Sending, know what became of it.

Who may know whom, from the top down (checked by the import contracts in pyproject.toml):

    cli             arguments in, exit code out; puts the parts together
    ui              the screens; ui/app.py has the only workers
    guardian        the process that gives the terminal back            (standard library only)
    outbox          prepare, send, remember: the one road of a mail, used by screens and commands alike
    accounts        who mail is sent as: where a secret is looked for, in which order
    api             the HTTP client: one request, one outcome        (the only httpx)
    credentials     environment, paste, password command, keyring, encrypted file
                                                                     (the only keyring and cryptography)
    store           journal, drafts, accounts, request bodies on disk
                                                                     (the only sqlite3)
    attachments     files the user names, read
    preview         what is in a file, to be seen                    (the only Pillow)
    browse          folders listed and filtered, pasted paths understood, the clipboard
    prefill         drafts from a command line, a link or a file
    still           the composer's first frame                      (standard library only)
    settings        folders and environment                          (the only platformdirs)
    snippets        a request as a text for other tools              pure
    suppressions    whom the provider sends nothing to               pure
    report          an attempt as exit code, JSON, CSV, words        pure
    merging         a mail for each row of a table                   pure
    example         the mail that the demo begins with               pure
    diagnosis       what is wrong with a machine                     pure
    look            how the screens looked the last time            (standard library only)
    lint            findings about a draft as it is typed            pure
    lookup          a mail in the provider's records                 pure
    searching       the search language of the history               pure
    message_files   a mail kept as a file                            pure
    address_files   people in other programs' address books          pure
    inspection      what a credential is and may do                  pure
    retry           which outcomes are tried again, and when         pure
    process         no core dump of it, no secret for its children  (standard library only)
    submission      envelope, request body, answer, outcome          pure
    profile         accounts and identities, without a secret        pure
    markdown        a body in Markdown as HTML and text              pure
    mime            messages as octets, written and looked into      pure
    message         what is typed, and what it means                 pure
    frozen          classes whose objects never change               pure

    sandbox         the embedded Cloudflare; knows none of the above, and only cli starts it

The road of a mail: a form gives a `Draft`; `outbox.prepare` parses it into a `MailMessage`, writes the request body to
a file and gives a `Reviewed`; the user looks at it; `outbox.send` commits an attempt to the journal, streams that file
to the API and records exactly one `Outcome`.
"""

__version__ = "0.1.0"
