"""A model of Google Cloud Storage's documented JSON API: `gcs.py HOME`.

It keeps objects in HOME. `HOME/access.json` says who may do what, and is read at every request;
`HOME/public_key.pem` is that of the one service account. What is not modelled is answered with
501, a query parameter as well. It prints its port, and ends when its standard input does.
"""

import json
import re
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, BinaryIO, Final
from urllib.parse import parse_qsl, unquote, urlsplit
from uuid import uuid4

from gcs_objects import CHUNK_BYTES, REWRITE_BYTES, Conditions, Objects, Refused, blocks_of
from google.auth import jwt

ANY_QUERY: Final = {"alt", "fields", "prettyPrint", "projection", "project"}
CONDITIONS: Final = {"ifGenerationMatch", "ifMetagenerationMatch"}
OBJECT: Final = r"/b/([^/]+)/o/([^/]+)"
UPLOAD: Final = r"/upload/storage/v1/b/([^/]+)/o"
TOKEN_SECONDS: Final = 3600

Answer = tuple[int, dict[str, Any], dict[str, str]]


class Body:
    """A request's body, in blocks."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self._stream = stream
        self.size = size
        self.left = size

    def __iter__(self) -> Iterator[bytes]:
        while self.left:
            # `read1`, so that what came before a break is kept.
            block = self._stream.read1(min(self.left, CHUNK_BYTES))  # type: ignore[attr-defined]
            if not block:
                raise ConnectionError("the client is gone")
            self.left -= len(block)
            yield block

    def first(self, count: int) -> Iterator[bytes]:
        """Give so many bytes, and read the rest as well."""
        for block in self:
            yield block[:count]
            count -= min(count, len(block))

    def read(self) -> bytes:
        return b"".join(self)

    def json(self) -> dict[str, Any]:
        parsed: dict[str, Any] = json.loads(self.read() or b"{}")
        return parsed


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    home: Path
    objects: Objects
    rewrites: dict[str, int]

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except OSError:
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its name there)
        pass

    def do_any(self) -> None:
        self.body = Body(self.rfile, int(self.headers.get("Content-Length", 0)))
        url = urlsplit(self.path)
        self.query = dict(parse_qsl(url.query, keep_blank_values=True))
        try:
            if "Transfer-Encoding" in self.headers:
                raise Refused(501, "notImplemented", "chunked bodies")
            answer = self._route(url.path)
        except Refused as refused:
            answer = (refused.status, refused.document, {})
        for _ in self.body:
            pass
        if answer[0] >= 0:
            self._send(*answer)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_any  # noqa: N815

    def _route(self, path: str) -> Answer:
        for method, pattern, permission, queries, act in ROUTES:
            found = re.fullmatch(pattern, path)
            if found and method == self.command:
                unknown = set(self.query) - queries - ANY_QUERY
                if unknown:
                    raise Refused(501, "notImplemented", f"the parameters {sorted(unknown)}")
                if permission:
                    self._authorize(permission)
                return act(self, *[unquote(each) for each in found.groups()])
        raise Refused(501, "notImplemented", f"{self.command} {path}")

    def _send(self, status: int, document: dict[str, Any], headers: dict[str, str]) -> None:
        content = b"" if status in {204, 308} else json.dumps(document).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Type", "application/json; charset=UTF-8")
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _access(self) -> dict[str, Any]:
        access: dict[str, Any] = json.loads((self.home / "access.json").read_bytes())
        return access

    def _authorize(self, permission: str) -> None:
        access = self._access()
        token = self.headers.get("Authorization", "")
        if access["tokens"] and not token.startswith(f"Bearer {access['tokens']}."):
            raise Refused(401, "authError", "Invalid Credentials")
        if permission in access["denied"]:
            raise Refused(403, "forbidden", f"The caller does not have {permission} access.")

    def give_token(self) -> Answer:
        """Change a signed statement of the service account into an access token."""
        form = dict(parse_qsl(self.body.read().decode()))
        access = self._access()
        try:
            jwt.decode(form["assertion"], certs=(self.home / "public_key.pem").read_bytes())
        except (KeyError, ValueError) as error:
            return 400, {"error": "invalid_grant", "error_description": str(error)}, {}
        if access["key_revoked"]:
            said = "Invalid JWT Signature."
            return 400, {"error": "invalid_grant", "error_description": said}, {}
        token = f"{access['tokens']}.{uuid4().hex}"
        fields = {"access_token": token, "token_type": "Bearer", "expires_in": TOKEN_SECONDS}
        return 200, fields, {}

    def create_bucket(self) -> Answer:
        return 200, self.objects.create_bucket(self.body.json()["name"]), {}

    def get_bucket(self, bucket: str) -> Answer:
        return 200, self.objects.bucket_resource(bucket), {}

    def list_objects(self, bucket: str) -> Answer:
        return 200, self.objects.list(bucket, self.query), {}

    def get_object(self, bucket: str, name: str) -> Answer:
        found = self.objects.get(bucket, name, self.query)
        if self.query.get("alt", "json") == "json":
            return 200, found.resource, {}
        start, end = self._range(found.content.size)
        is_part = "Range" in self.headers
        self.send_response(206 if is_part else 200)
        if is_part:
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{found.content.size}")
        checksums = found.content.checksums
        self.send_header("X-Goog-Hash", f"crc32c={checksums['crc32c']},md5={checksums['md5Hash']}")
        self.send_header("X-Goog-Generation", found.generation)
        self.send_header("X-Goog-Stored-Content-Encoding", "identity")
        self.send_header("X-Goog-Stored-Content-Length", str(found.content.size))
        self.send_header("ETag", found.resource["etag"])
        self.send_header("Content-Type", found.resource["contentType"])
        self.send_header("Content-Length", str(end - start))
        self.end_headers()
        for block in blocks_of(found.content.path, start, end - start):
            self.wfile.write(block)
        return SENT

    def _range(self, size: int) -> tuple[int, int]:
        """The first byte that is wanted, and the one after the last."""
        asked = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", "bytes=0-"))
        if asked is None or asked[0] == "bytes=-":
            raise Refused(501, "notImplemented", f"the range {self.headers['Range']}")
        if not asked[1]:
            return max(0, size - int(asked[2])), size
        start, end = int(asked[1]), min(size, int(asked[2] or size) + 1)
        if "Range" in self.headers and start >= size:
            raise Refused(416, "requestedRangeNotSatisfiable", "Request range not satisfiable")
        return start, end

    def delete_object(self, bucket: str, name: str) -> Answer:
        self.objects.delete(bucket, name, self.query)
        return 204, {}, {}

    def patch_object(self, bucket: str, name: str) -> Answer:
        return 200, self.objects.patch(bucket, name, self.query, self.body.json()), {}

    def compose(self, bucket: str, name: str) -> Answer:
        asked = self.body.json()
        sources = [
            self.objects.get(bucket, each["name"], {"generation": each.get("generation", "")})
            for each in asked["sourceObjects"]
        ]
        if not 1 <= len(sources) <= 32:
            raise Refused(400, "invalid", "The number of source components is not 1 to 32.")
        wished = {**asked.get("destination", {}), "name": name}
        conditions = Conditions.of(self.query)
        return 200, self.objects.compose(sources, bucket, wished, conditions), {}

    def copy(self, bucket: str, name: str, verb: str, to_bucket: str, to_name: str) -> Answer:
        """Copy in one call (`copyTo`), or in as many as it takes (`rewriteTo`)."""
        source = self.objects.get(
            bucket, name, {"generation": self.query.get("sourceGeneration", "")}
        )
        Conditions.of(self.query, "ifSource").check(source)
        conditions = Conditions.of(self.query)
        wished = {**self.body.json(), "name": to_name}
        size = source.content.size
        if verb == "copyTo":
            return 200, self.objects.copy(source, to_bucket, wished, conditions), {}
        done = self.rewrites.pop(self.query.get("rewriteToken", ""), 0) + REWRITE_BYTES
        answer = {"kind": "storage#rewriteResponse", "objectSize": str(size)}
        answer["totalBytesRewritten"] = str(min(done, size))
        if done < size:
            token = uuid4().hex
            self.rewrites[token] = done
            return 200, {**answer, "done": False, "rewriteToken": token}, {}
        resource = self.objects.copy(source, to_bucket, wished, conditions)
        return 200, {**answer, "done": True, "resource": resource}, {}

    def upload(self, bucket: str) -> Answer:
        """Take an object whole, or begin a resumable upload."""
        kind = self.query.get("uploadType")
        named = {"name": self.query["name"]} if "name" in self.query else {}
        if kind == "resumable":
            wished = {"contentType": self.headers.get("X-Upload-Content-Type")}
            wished |= named | self.body.json()
            upload_id = self.objects.begin(bucket, wished, Conditions.of(self.query))
            place = f"http://{self.headers['Host']}{urlsplit(self.path).path}"
            place += f"?uploadType=resumable&upload_id={upload_id}"
            return 200, {}, {"Location": place, "X-GUploader-UploadID": upload_id}
        if kind == "multipart":
            wished, data = self._parts()
        elif kind == "media":
            wished, data = {"contentType": self.headers.get("Content-Type")}, self.body.read()
        else:
            raise Refused(501, "notImplemented", f"uploadType={kind}")
        content = self.objects.new_content()
        content.append(data)
        wished = named | wished | self._sent_checksums()
        return 200, self.objects.put(bucket, wished, content, Conditions.of(self.query)), {}

    def _parts(self) -> tuple[dict[str, Any], bytes]:
        """The two parts of a multipart upload: the resource and the bytes."""
        found = re.search(r'boundary="?([^";]+)"?', self.headers["Content-Type"])
        if found is None:
            raise Refused(400, "badContent", "Missing multipart boundary.")
        mark = b"--" + found[1].encode()
        _, first, rest = self.body.read().split(mark, 2)
        second = rest[: rest.rindex(b"\r\n" + mark + b"--")]
        wished = json.loads(first.partition(b"\r\n\r\n")[2])
        headers, _, data = second.partition(b"\r\n\r\n")
        kind = re.search(rb"(?i)content-type: *([^\r\n]+)", headers)
        return {"contentType": kind[1].decode() if kind else None, **wished}, data

    def _sent_checksums(self) -> dict[str, str]:
        pairs = [each.split("=", 1) for each in self.headers.get("X-Goog-Hash", "").split(",")]
        names = {"crc32c": "crc32c", "md5": "md5Hash"}
        return {names[name.strip()]: value for name, value in pairs} if pairs != [[""]] else {}

    def continue_upload(self, bucket: str) -> Answer:
        """Take more of a resumable upload, or say how much there is."""
        assert bucket
        upload_id = self.query["upload_id"]
        if upload_id in self.objects.finished:
            return 200, self.objects.finished[upload_id], {}
        if upload_id not in self.objects.sessions:
            raise Refused(404, "notFound", "The upload is not known, or no longer.")
        session = self.objects.sessions[upload_id]
        said = self.headers.get("Content-Range", f"bytes 0-{self.body.size - 1}/{self.body.size}")
        asked = re.fullmatch(r"bytes (?:(\d+)-(-?\d+)|\*)/(\d+|\*)", said)
        if asked is None:
            raise Refused(400, "invalid", f"Content-Range is {said}")
        turn = session.take_over()
        kept = session.content.size
        if asked[1]:
            start = int(asked[1])
            if start > kept or int(asked[2]) - start + 1 != self.body.size:
                raise Refused(400, "invalid", f"Content-Range is {said}; {kept} bytes are kept")
            most = self._access().get("keeps", self.body.size)
            session.write(self.body.first(most), kept - start, turn)
            kept = start + min(most, self.body.size)
        if asked[3] == str(kept):
            return 200, self.objects.finish(upload_id, self._sent_checksums()), {}
        size = session.content.size
        return 308, {}, {"Range": f"bytes=0-{size - 1}"} if size else {}

    def cancel_upload(self, bucket: str) -> Answer:
        assert bucket
        if self.query["upload_id"] not in self.objects.sessions:
            raise Refused(404, "notFound", "The upload is not known, or no longer.")
        self.objects.cancel(self.query["upload_id"])
        return 499, {}, {}


SENT: Final[Answer] = (-1, {}, {})
CREATE, GET, LIST = "storage.objects.create", "storage.objects.get", "storage.objects.list"
UPDATE, DELETE = "storage.objects.update", "storage.objects.delete"
GET_BUCKET, CREATE_BUCKET = "storage.buckets.get", "storage.buckets.create"
SOURCE: Final = {"ifSourceGenerationMatch", "sourceGeneration", "rewriteToken"}
UPLOADING: Final = {"uploadType", "upload_id"}
PAGE: Final = {"prefix", "delimiter", "maxResults", "pageToken"}

ROUTES: Final[list[tuple[str, str, str, set[str], Callable[..., Answer]]]] = [
    ("POST", r"/token", "", set(), Handler.give_token),
    ("POST", r"/storage/v1/b", CREATE_BUCKET, set(), Handler.create_bucket),
    ("GET", r"/storage/v1/b/([^/]+)", GET_BUCKET, set(), Handler.get_bucket),
    ("GET", r"/storage/v1/b/([^/]+)/o", LIST, PAGE, Handler.list_objects),
    (
        "GET",
        f"(?:/download)?/storage/v1{OBJECT}",
        GET,
        CONDITIONS | {"generation"},
        Handler.get_object,
    ),
    (
        "DELETE",
        f"/storage/v1{OBJECT}",
        DELETE,
        CONDITIONS | {"generation"},
        Handler.delete_object,
    ),
    ("PATCH", f"/storage/v1{OBJECT}", UPDATE, CONDITIONS, Handler.patch_object),
    ("POST", f"/storage/v1{OBJECT}/compose", CREATE, CONDITIONS, Handler.compose),
    (
        "POST",
        f"/storage/v1{OBJECT}/(copyTo|rewriteTo){OBJECT}",
        CREATE,
        CONDITIONS | SOURCE,
        Handler.copy,
    ),
    ("POST", UPLOAD, CREATE, CONDITIONS | UPLOADING | {"name"}, Handler.upload),
    ("PUT", UPLOAD, CREATE, UPLOADING, Handler.continue_upload),
    ("DELETE", UPLOAD, CREATE, UPLOADING, Handler.cancel_upload),
]


def main(home: Path) -> None:
    Handler.home = home
    Handler.objects = Objects(home / "objects")
    Handler.rewrites = {}
    ThreadingHTTPServer.request_queue_size = 128
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"listening on port {server.server_address[1]}", flush=True)  # noqa: T201
    sys.stdin.read()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
