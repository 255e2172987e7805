"""电话交换机 The phone exchange of exercises: a program of its own that speaks the carrier protocol of contract §6.

    EXCHANGE_SECRET=… python -m deploy.demo.exchange --port 8101 --speed 60 --cast cast.yaml --roster PACK/roster.csv

It rings nobody: numbers are answered by seeded personas (`personas.py`), call-backs are signed and go to loopback only.
"""
