"""What the rules know of languages and of the world's mail: data, nothing but.

A phrase is matched as whole words, whatever their case; where one is found in a text that the sender wrote, a file is
promised with it.
"""

from typing import Final

PROMISES: Final[dict[str, tuple[str, ...]]] = {
    "English": ("attached", "attachment", "attachments", "attaching", "i attach", "we attach", "enclosed"),
    "German": (
        *("anbei", "angehängt", "angehängte", "angehängten", "anhang", "anhänge", "beigefügt", "beigefügte"),
        *("beigefügten", "beiliegend", "beiliegende", "beiliegenden", "in der anlage", "als anlage", "siehe anlage"),
    ),
    "French": (
        *("ci-joint", "ci-jointe", "ci-joints", "ci-jointes", "pièce jointe", "pièces jointes", "je joins"),
        *("nous joignons", "je vous joins"),
    ),
    "Spanish": ("adjunto", "adjunta", "adjuntos", "adjuntas", "adjuntamos", "adjuntado", "te adjunto", "le adjunto"),
    "Italian": ("allegato", "allegata", "allegati", "allegate", "allego", "alleghiamo", "in allegato"),
    "Portuguese": ("em anexo", "segue anexo", "seguem anexos", "anexado", "anexada", "anexei", "anexamos", "anexo"),
}
"""Phrases that say there is a file with the mail."""

TEMPLATE_FIELDS: Final = (
    r"\{\{[^{}\n]{1,60}\}\}",
    r"\$\{[\w. -]{1,60}\}",
    r"%%[\w .-]{1,60}%%",
    r"\*\|[\w:.-]{1,60}\|\*",
    r"<<[A-Za-z][\w .-]{0,60}>>",
    r"«[A-Za-z][\w .-]{0,60}»",
    r"\[\[[\w .-]{1,60}\]\]",
    r"\[(?:[Yy]our|[Ii]nsert|[Ff]irst|[Ll]ast|[Rr]ecipient|YOUR|INSERT|FIRST|LAST|RECIPIENT)[ _-][\w ]{1,40}\]",
    r"\{(?:name|(?:first|last|full|user|your|company)[_ ]?name)\}",
    r"[Ll]orem ipsum",
)
"""How templates mark what is to be filled in, as regular expressions."""

_DOMAINS: Final = """
gmail.com googlemail.com yahoo.com yahoo.co.uk yahoo.fr yahoo.de yahoo.es yahoo.it yahoo.ca yahoo.com.br yahoo.co.jp
yahoo.co.in yahoo.com.au yahoo.com.mx yahoo.com.ar ymail.com rocketmail.com hotmail.com hotmail.co.uk hotmail.fr
hotmail.de hotmail.es hotmail.it hotmail.com.br hotmail.ca outlook.com outlook.fr outlook.de outlook.es outlook.it
outlook.com.br outlook.jp outlook.pt outlook.in live.com live.co.uk live.fr live.de live.it live.nl live.ca msn.com
icloud.com me.com mac.com aol.com aol.de aim.com protonmail.com protonmail.ch proton.me pm.me tutanota.com tutanota.de
tuta.io tuta.com fastmail.com fastmail.fm zoho.com zoho.eu hey.com mail.com email.com gmx.com gmx.net gmx.de gmx.at
gmx.ch web.de freenet.de t-online.de arcor.de posteo.de mailbox.org online.de vodafone.de orange.fr wanadoo.fr
laposte.net free.fr sfr.fr libero.it virgilio.it tiscali.it alice.it tin.it telefonica.net terra.es terra.com.br
uol.com.br bol.com.br sapo.pt comcast.net verizon.net att.net sbcglobal.net bellsouth.net cox.net charter.net
earthlink.net btinternet.com btopenworld.com sky.com virginmedia.com ntlworld.com talktalk.net bigpond.com
optusnet.com.au rogers.com shaw.ca sympatico.ca bluewin.ch hispeed.ch ziggo.nl kpnmail.nl xs4all.nl telenet.be
skynet.be yandex.ru yandex.com mail.ru bk.ru list.ru inbox.ru rambler.ru qq.com 163.com 126.com sina.com naver.com
daum.net rediffmail.com seznam.cz centrum.cz wp.pl onet.pl interia.pl o2.pl abv.bg ukr.net example.com example.net
example.org
"""
WELL_KNOWN_DOMAINS: Final = (*_DOMAINS.split(),)
"""Domains that many people have their mailbox at, and those of examples: none of them is a mistake for another. Of two
that may be meant the first is.
"""

TARGET_LENGTH: Final = 5
"""Letters before the first dot that a well-known domain needs to be taken for what was meant: short ones are near to
too many that are right.
"""

_ENDINGS: Final = """
com org net edu gov mil int info biz io dev app ai co eu uk us ca au nz de at ch fr es it pt nl be lu dk se no fi is
ie pl cz sk hu ro bg gr tr ru ua il in jp cn kr br mx ar cl za id th my sg hk ph vn tw pk bd lk sa ae eg ma ng ke gh
pe ve ec uy py bo cr gt hr si rs lt lv ee mt cy by kz ge
"""
TOP_LEVEL_DOMAINS: Final = frozenset(_ENDINGS.split())
"""With which a word of a link's text is taken for the name of a host, and not of a file; and a well-known name for one
of another country, and not for a slip.
"""
