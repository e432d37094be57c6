import time
from tests import factories
def test_time(riley, client):
    factories.make_rubric()
    for i in range(3):
        t=time.time(); factories.make_ready_task(); print("ready", time.time()-t)
    t=time.time(); factories.make_task(); print("task", time.time()-t)
    a=factories.make_assignment(riley)
    client.force_login(riley)
    t=time.time(); r=client.get(f"/work/{a.public_id}/"); print(r.status_code, time.time()-t)
