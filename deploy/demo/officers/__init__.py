"""演练中的人 Scripted officers of a drill: who has answered the phone acts a little later, on the drill's clock.

    python -m deploy.demo.officers --credentials DATA/credentials.json --pack DIR --drill flood-night

They know what the screens show (orders, call boards, trips, gauges) and the phone book on the wall, nothing else, and
go by rules and seeded delays (`conduct.py`): signers sign, some by a telephone call that the duty officer records and
that they countersign later; who leads people out acknowledges, reports by name, completes; a verifier goes and finds;
the first report is given. A post that answers nothing does nothing.
"""
