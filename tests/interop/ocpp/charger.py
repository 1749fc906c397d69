"""A charger made of the Python library `ocpp`: one charge, then it answers what it is asked.

Says a line of JSON for each answer it gets and each call it is given; ends with its input.
"""

import asyncio
import base64
import dataclasses
import json
import sys
from datetime import datetime, timezone

import websockets
from ocpp.routing import on
from ocpp.v16 import ChargePoint as ChargePoint16
from ocpp.v16 import call as call16
from ocpp.v16 import call_result as result16
from ocpp.v201 import ChargePoint as ChargePoint201
from ocpp.v201 import call as call201
from ocpp.v201 import call_result as result201


def say(what, told):
    print(json.dumps({"what": what, "told": told}), flush=True)


def now():
    return datetime.now(timezone.utc).isoformat().replace("+00:00", "Z")


class Charger16(ChargePoint16):
    @on("SetChargingProfile")
    def limited(self, **params):
        say("SetChargingProfile", params)
        return result16.SetChargingProfile(status="Accepted")

    @on("Reset")
    def reset(self, **params):
        say("Reset", params)
        return result16.Reset(status="Accepted")

    async def charge(self):
        power = {"value": "7000", "measurand": "Power.Active.Import", "unit": "W"}
        yield call16.BootNotification(charge_point_model="One", charge_point_vendor="Py")
        yield call16.Heartbeat()
        yield call16.StatusNotification(connector_id=1, error_code="NoError", status="Available")
        yield call16.Authorize(id_tag="CARD")
        yield call16.StartTransaction(
            connector_id=1, id_tag="CARD", meter_start=5, timestamp=now()
        )
        transaction = self.answer.transaction_id
        yield call16.MeterValues(
            connector_id=1,
            transaction_id=transaction,
            meter_value=[{"timestamp": now(), "sampled_value": [power]}],
        )
        yield call16.StopTransaction(
            transaction_id=transaction, meter_stop=2005, timestamp=now()
        )
        yield call16.DataTransfer(vendor_id="somebody", data="something")


class Charger201(ChargePoint201):
    @on("SetChargingProfile")
    def limited(self, **params):
        say("SetChargingProfile", params)
        return result201.SetChargingProfile(status="Accepted")

    @on("Reset")
    def reset(self, **params):
        say("Reset", params)
        return result201.Reset(status="Accepted")

    async def charge(self):
        station = {"model": "Two", "vendor_name": "Py"}
        yield call201.BootNotification(charging_station=station, reason="PowerUp")
        yield call201.Heartbeat()
        yield call201.StatusNotification(
            timestamp=now(), connector_status="Available", evse_id=1, connector_id=1
        )
        for number, kind in enumerate(["Started", "Updated", "Ended"]):
            register = {"value": float(number), "unit_of_measure": {"unit": "kWh"}}
            yield call201.TransactionEvent(
                event_type=kind,
                timestamp=now(),
                trigger_reason="MeterValuePeriodic",
                seq_no=number,
                transaction_info={"transaction_id": "py"},
                evse={"id": 1, "connector_id": 1},
                id_token={"id_token": "CARD", "type": "ISO14443"},
                meter_value=[{"timestamp": now(), "sampled_value": [register]}],
            )
        yield call201.NotifyReport(request_id=1, generated_at=now(), seq_no=0)
        yield call201.SecurityEventNotification(type="StartupOfTheDevice", timestamp=now())


async def main(url, name, token, version):
    login = base64.b64encode(f"{name}:{token}".encode()).decode()
    headers = {"Authorization": f"Basic {login}"}
    async with websockets.connect(
        f"{url}/{name}", subprotocols=[version], additional_headers=headers
    ) as line:
        say("subprotocol", line.subprotocol)
        charger = (Charger16 if version == "ocpp1.6" else Charger201)(name, line)
        listening = asyncio.create_task(charger.start())
        async for call in charger.charge():
            charger.answer = await charger.call(call)
            say(type(call).__name__, dataclasses.asdict(charger.answer))
        say("ready", None)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        listening.cancel()


asyncio.run(main(*sys.argv[1:5]))
