"""Files: uploaded under any name and with anything inside, listed, sent in part, deleted."""

from __future__ import annotations

from tests.files.tools import picture, png_that_says
from tests.parity.exchange import BOUNDARY
from tests.parity.scenario import File, Scenario, Step, get, page, post
from tests.parity.tokens import session_cookie, token
from tests.parity.uploading import FLASK, HERE, LARGEST_BYTES

CHAPTER = "uploads"
PATH = "/uploader"
TEXT = "Grüße aus Zürich\n".encode()
DIGITS = b"0123456789"
PNG = picture()
ID = {"id": r'href="/files/(\d+)"'}
NAMED = ("Content-Disposition",)
RANGE = ("Content-Range",)
FILE = ("Content-Length", *RANGE)
SAFE = ("Content-Security-Policy", "X-Content-Type-Options", "Accept-Ranges")
PASSWORD = "correct horse battery"
PATHS = ("/upload", "/uploader", "/files", "/files/1", "/files/1/thumbnail", "/files/1/delete")


def scenario(name: str, *steps: Step, is_fresh: bool = False, shown: int | None = None) -> Scenario:
    return Scenario(CHAPTER, name, steps, flask=FLASK, here=HERE, is_fresh=is_fresh, shown=shown)


def sends(name: str, data: bytes, *more: File, **kwargs: object) -> Step:
    """Upload a file, and further ones, with the token that was kept."""
    return post(PATH, None, files=(("file", name, data), *more), **kwargs)


def part(head: str, data: bytes = b"") -> bytes:
    """Return a part of a multipart body, written by hand."""
    return f"--{BOUNDARY}\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + data


def raw(body: bytes, **headers: str) -> Step:
    """Send a body as it is, with a good token in the header."""
    others = {name.replace("_", "-"): value for name, value in headers.items()}
    kind = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    return Step("POST", PATH, body=body, headers={"X-CSRFToken": "{token}"} | kind | others)


def ranges(*values: str, compares: tuple[str, ...] = FILE, **headers: str) -> tuple[Step, ...]:
    others = {name.replace("_", "-"): value for name, value in headers.items()}
    return tuple(
        get("/files/{id}", headers={"Range": value, **others}, compares=compares)
        for value in values
    )


def kept_under(*names: str) -> tuple[Step, ...]:
    """Upload a file under each name and look under which it is saved again."""
    return tuple(
        step
        for name in names
        for step in (sends(name, TEXT, keep=ID), get("/files/{id}", compares=NAMED))
    )


def user(name: str) -> tuple[Step, ...]:
    fields = {"username": name, "password": PASSWORD, "confirm": PASSWORD}
    return page("/register"), post("/register", fields), page("/upload")


END = f"\r\n--{BOUNDARY}--\r\n".encode()
WHOLE = part('name="file"; filename="a.txt"', TEXT)

SCENARIOS = (
    scenario(
        "uploads files, and finds them in the list",
        get("/files"),
        page("/upload"),
        sends("greetings.txt", TEXT),
        sends("notes.md", b"# Tea\n"),
        sends("students.csv", b"name,city\nAsha,Pune\n"),
        sends("report.pdf", b"%PDF-1.7\n"),
        *(sends(f"picture.{kind}", picture(kind)) for kind in ("png", "jpeg", "gif", "webp")),
        sends("picture.jpg", picture("JPEG")),
        sends("empty.txt", b""),
        post("/upload", files=(("file", "greetings.txt", TEXT),)),
        get("/files"),
        get("/files?before=3"),
        get("/files?before=1"),
        *(get(f"/files?before={value}") for value in ("0", "-1", "x", "1e3", "9" * 30, "%00", "")),
        get("/upload"),
        is_fresh=True,
    ),
    scenario(
        "gets back what it sent",
        page("/upload"),
        sends("greetings.txt", TEXT, keep=ID),
        get("/files/1", headers={"Range": "bytes=0-6"}, compares=(*RANGE, *SAFE)),
        get("/files/{id}", compares=(*SAFE, "Content-Length")),
        get("/files/{id}/thumbnail"),
        sends("tea.png", PNG, keep=ID),
        get("/files/{id}", compares=SAFE),
        sends("tea.png", picture("PNG", (8, 8)), keep=ID),
        get("/files/{id}"),
        get("/files/{id}/thumbnail", compares=("Cache-Control",)),
        sends("x.pdf", b"%PDF-\0\xff\r\n" * 500, keep=ID),
        get("/files/{id}"),
        is_fresh=True,
        shown=2,
    ),
    scenario(
        "keeps an ordinary name",
        page("/upload"),
        *kept_under("a.txt", "a-b_c.d.txt", "A.TXT", "no.tar.txt"),
    ),
    scenario(
        "makes a hostile name harmless",
        page("/upload"),
        *kept_under(
            "../../x.txt",
            "/etc/passwd.txt",
            "....//....//x.txt",
            ".../.txt",
            "a\0b.txt",
            "x\x1b[31m.txt",
        ),
    ),
    scenario(
        "keeps a name in any script, and none that a system takes for something else",
        page("/upload"),
        *kept_under(
            "CON.txt",
            "con.tar.txt",
            "..\\..\\x.txt",
            "C:\\Temp\\x.txt",
            "日本語.txt",
            "déjà vu.txt",
            "a\u202egnp.txt",
            "two words.txt",
            "%22quoted%22.txt",
            "' OR 1=1;--.txt",
            "<script>alert(1)<.txt",
            "a%0d%0aX-Evil: 1.txt",
            ".txt",
            "....txt",
            "x" * 300 + ".txt",
            "x" * 2000 + ".txt",
            "{{7919*7907}}.txt",
        ),
    ),
    scenario(
        "reads a name that breaks its header as the framework does",
        page("/upload"),
        sends('a"b.txt', TEXT),
        sends('a\\"b.txt', TEXT),
        sends("a\"; filename*=UTF-8''%2e%2e%2fx.txt; x=\"", TEXT),
        sends('a.txt"\r\nContent-Type: text/html\r\nX-Evil: "1', TEXT),
    ),
    scenario(
        "says what is not taken",
        page("/upload"),
        *(sends(name, TEXT) for name in ("", "...", "x", "txt", "x.txt.exe", "x.svg", "x.", "a/")),
        sends("x.svg", b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"),
        sends("x.html", b"<script>alert(1)</script>"),
        sends("..", TEXT),
        sends("x.txt ", TEXT),
        sends("x.txt\0.png", TEXT),
        sends("x.рng", TEXT),
    ),
    scenario(
        "looks into the file, whatever its name and its type say",
        page("/upload"),
        sends("x.gif", b"GIF89a<script>alert(1)</script>"),
        sends("x.png", png_that_says(50_000, 50_000)),
        sends("x.png", png_that_says(5_001, 5_000)),
        sends("x.png", png_that_says(0, 0)),
        sends("x.png", PNG[:-30]),
        sends("x.png", PNG[:20]),
        sends("x.png", b""),
        sends("x.jpg", picture("JPEG")[:400]),
        sends("x.png", picture("JPEG")),
        sends("x.png", b"<?php system($_GET[0]);"),
        sends("x.pdf", TEXT),
        sends("x.txt", b"MZ\0\0"),
        sends("x.csv", "Zürich".encode("latin-1")),
        sends("x.txt", "ü".encode()[:1]),
        sends("x.md", "\ufeffTea".encode("utf-16")),
        sends("x.txt", b"<script>alert(1)</script>"),
    ),
    scenario(
        "wants one file",
        page("/upload"),
        post(PATH),
        Step("POST", PATH, form={"csrf_token": "{token}", "file": "a.txt"}),
        post(PATH, files=(("photo", "a.txt", TEXT),)),
        post(PATH, files=(("File", "a.txt", TEXT),)),
        sends("one.txt", b"one", ("file", "two.txt", b"two"), keep=ID),
        get("/files/{id}"),
        sends("", b"", ("file", "two.txt", b"two")),
        sends("a.exe", b"one", ("file", "two.txt", b"two")),
        sends("a.txt", b"one", ("other", "x.exe", b"two"), ("csrf_token", "t", b"three")),
        raw(part('name="file"', b"no file name") + END),
        raw(part('filename="a.txt"', TEXT) + END),
        raw(WHOLE + END, Content_Type="application/x-www-form-urlencoded"),
        raw(WHOLE + END, Content_Type="text/plain"),
        raw(b"", Content_Type="multipart/form-data"),
        raw(WHOLE + END),
    ),
    scenario(
        "takes no part of a body that is cut off",
        page("/upload"),
        raw(WHOLE),
        raw(WHOLE + END[:-4]),
        raw(WHOLE[:20]),
        raw(WHOLE + END.replace(b"the", b"another")),
        raw(b"--"),
        get("/files"),
        is_fresh=True,
    ),
    scenario(
        "is told that a file is too large",
        page("/upload"),
        sends("a.txt", b"x" * (LARGEST_BYTES - 2000)),
        sends("a.txt", b"x" * LARGEST_BYTES),
        post("/upload", files=(("file", "a.txt", b"x" * LARGEST_BYTES),)),
        sends("a.exe", b"x" * LARGEST_BYTES),
        get("/files"),
        is_fresh=True,
    ),
    scenario(
        "keeps no more than its owner has room for",
        page("/upload"),
        sends("a.txt", b"x" * 180_000),
        sends("b.txt", b"x" * 130_000),
        sends("c.txt", b"x" * 120_000),
        sends("d.txt", b"x"),
        *user("alice"),
        sends("e.txt", b"x" * 100_000),
        get("/upload"),
        get("/files"),
        is_fresh=True,
    ),
    scenario(
        "deletes what is one's own",
        *user("asha"),
        sends("mine.txt", TEXT, keep=ID),
        get("/files"),
        post("/files/{id}/delete", jar="none"),
        Step("POST", "/files/{id}/delete"),
        post("/files/{id}/delete", follow=True),
        post("/files/{id}/delete"),
        get("/files/{id}"),
        sends("asha.txt", TEXT, keep=ID),
        post("/logout"),
        page("/upload"),
        post("/files/{id}/delete"),
        sends("visitors.txt", TEXT, keep={"theirs": ID["id"]}),
        *user("mallory"),
        post("/files/{id}/delete"),
        post("/files/{theirs}/delete"),
        post(f"/files/{10**30}/delete"),
        is_fresh=True,
    ),
    scenario(
        "wants a good token in the form",
        page("/upload"),
        *(
            Step("POST", PATH, form=fields, files=(("file", "a.txt", TEXT),))
            for fields in (
                {},
                {"csrf_token": ""},
                {"csrf_token": "x"},
                {"csrf_token": "{token}x"},
                {"csrf_token": "t" * 2000},
                {"csrf_token": token(key="another key")},
                {"csrf_token": token(is_old=True)},
                {"csrf_token": token()},
            )
        ),
        sends("a.txt", TEXT, jar="none"),
        sends("a.txt", TEXT, jar="tampered"),
        sends("a.txt", TEXT, jar="other"),
        Step("POST", PATH),
        sends("a.exe", TEXT, jar="none"),
        get("/files"),
        is_fresh=True,
    ),
    scenario(
        "takes a token in the header, and one of the other side",
        page("/upload"),
        raw(WHOLE + END),
        raw(WHOLE + END, X_CSRFToken="x"),
        raw(WHOLE + END, X_CSRFToken=token(is_old=True)),
        raw(WHOLE + END, X_CSRFToken=token(), Cookie=session_cookie()),
        raw(WHOLE + END, X_CSRFToken=token("another value"), Cookie=session_cookie()),
        sends("a.txt", TEXT, headers={"X-CSRFToken": "x"}),
        Step(
            "POST",
            PATH,
            form={"csrf_token": token()},
            files=(("file", "a.txt", TEXT),),
            headers={"Cookie": session_cookie()},
        ),
    ),
    scenario(
        "believes no page of another site",
        page("/upload"),
        sends("a.txt", TEXT, headers={"Sec-Fetch-Site": "same-origin"}),
        sends("a.txt", TEXT, headers={"Sec-Fetch-Site": "cross-site"}),
        sends("a.txt", TEXT, headers={"Origin": "http://evil.test"}),
        is_fresh=True,
    ),
    scenario(
        "sends the part that is asked for",
        page("/upload"),
        sends("digits.txt", DIGITS, keep=ID),
        *ranges("bytes=0-3", "bytes=4-", "bytes=9-9", "bytes=0-", "bytes=0-0", "bytes=8-99"),
        *ranges("bytes=-3", "bytes=-10", "bytes=0-" + "9" * 400),
        Step("HEAD", "/files/{id}", headers={"Range": "bytes=0-3"}, compares=FILE),
        Step("HEAD", "/files/{id}", headers={"Range": "bytes=-3"}, compares=FILE),
    ),
    scenario(
        "does not send parts that are not there",
        page("/upload"),
        sends("digits.txt", DIGITS, keep=ID),
        *ranges("bytes=10-", "bytes=99-100", compares=RANGE),
        *ranges("bytes=5-2", "bytes=-0", "bytes=0-1,3-4", "bytes=0-1, 3-", compares=RANGE),
        *ranges("lines=0-1", "bytes=x", "bytes=", "bytes", "nothing", "", compares=RANGE),
        *ranges("bytes=-99", compares=RANGE),
    ),
    scenario(
        "sends a file only if it is not there already",
        page("/upload"),
        sends("digits.txt", DIGITS, keep=ID),
        get("/files/{id}", keep_headers={"tag": "ETag", "date": "Last-Modified"}),
        *(
            get("/files/{id}", headers=headers)
            for headers in (
                {"If-None-Match": "{tag}"},
                {"If-None-Match": "W/{tag}"},
                {"If-None-Match": '"pot", {tag}'},
                {"If-None-Match": '"pot"'},
                {"If-None-Match": "*"},
                {"If-None-Match": "x" * 2000},
                {"If-Modified-Since": "{date}"},
                {"If-Modified-Since": "yesterday"},
                {"If-Modified-Since": "Wed, 31 Dec 2025 23:59:59 GMT"},
                {"If-Match": '"pot"'},
                {"If-Match": "{tag}"},
            )
        ),
        *ranges("bytes=0-3", If_Range="{tag}"),
        *ranges("bytes=0-3", If_Range="{date}"),
        *ranges("bytes=0-3", If_Range='"pot"'),
        Step("HEAD", "/files/{id}", headers={"If-None-Match": "{tag}"}),
    ),
    scenario(
        "answers methods and addresses beside it",
        page("/upload"),
        sends("tea.png", PNG),
        *(
            Step(method, path)
            for path in PATHS
            for method in ("HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "BREW")
        ),
        *(get(path) for path in ("/uploader", "/files/1/delete")),
        *(post(path) for path in ("/files", "/files/1", "/files/1/thumbnail")),
        *(get(f"{path}/") for path in PATHS),
        *(
            get(f"/files/{value}")
            for value in (
                "0",
                "99",
                "-1",
                "1.5",
                "x",
                "001",
                "%D9%A3",
                str(2**63),
                str(10**30),
                "9" * 2000,
                "%00",
                "..%2f..%2f",
                "%3Cscript%3E",
                "1/thumbnail/x",
                "99/thumbnail",
            )
        ),
        get("/UPLOAD"),
        get("/uploa%64"),
        is_fresh=True,
    ),
)
