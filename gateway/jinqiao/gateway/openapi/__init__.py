"""The platform's cloud side over HTTP: the OpenAPI of version 2018-01-20 and dynamic registration.

Sans-I/O: `Cloud.dispatch` takes a request and returns a response, or what to wait for; `app` is the thin shell.
"""
