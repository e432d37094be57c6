import urllib.request, pytest
from tests import factories
from tests.conftest import as_role
from marlin.models import User, Role, Event
from tests.stack import eventually

def test_client(client, riley):
    client.force_login(riley)
    r = client.get("/")
    print(r.status_code, r.headers)
    r = client.get("/work/")
    print(r.status_code, r.content[:300])

def test_ready(db, bells):
    t = factories.make_task()
    for c in t.turns.get().candidates.all():
        factories.finish_candidate(c)
    print(bells)

def test_committed(committed):
    factories.make_person("Riley", Role.RATER)
    committed.start_all()
    print(urllib.request.urlopen(committed.url + "/account/login/").status)
    factories.make_scenario()
    eventually(lambda: committed.value("select count(*) from marlin_eventseal"), within=30)
    print(committed.log_of("worker")[-3000:])
    print(committed.log_of("beat")[-3000:])
    print(committed.log_of("web")[-3000:])
    print(committed.manage("verify_events"))
