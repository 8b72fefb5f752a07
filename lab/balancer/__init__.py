"""The load balancer: a real reverse proxy that does what the account's load balancers say.

`account` reads what the account wants into the values of `model`; `routing`, `health` and
`targets` decide without any input or output; `proxy`, `tunnel` and `checks` do the network;
`metrics` and `access_log` tell what happened; `service` ties them together.
"""
