from support import Service


def test_health_needs_no_key(service: Service) -> None:
    for path in ("/healthz", "/readyz"):
        answer = service.request("GET", path, key=None)
        assert (answer.status, answer.json["status"]) == (200, "ok")
