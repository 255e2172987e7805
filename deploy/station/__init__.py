"""参考测站客户端 Store and forward until the service's own receipt: what contract §2 expects of a station.

A broker's acknowledgement is not storage. A reading leaves the station's disk only when a receipt names it.
Needs nothing but Python and paho-mqtt, so that a maker of stations can take the folder as it is.
"""
