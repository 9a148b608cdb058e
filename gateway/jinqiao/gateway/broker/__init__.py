"""The embedded MQTT broker: how it works, what must stay true, and why it is as it is.

Theory of operation
-------------------
Bytes come in, bytes go out, and in between next to nothing is taken apart. A QoS 0 PUBLISH without RETAIN looks the
same going out as it came in, and one at QoS 1 differs in its packet identifier alone. So consecutive packets for the
same subscribers are a *run*: one slice of what was read, handed to every subscriber as the same object. What a message
costs is finding where it ends and that its topic leads where the one before it led; all else is paid per run.

    server, connection, reading        sockets and the clock: the only files that know an event loop
    stream        bytes of one client → runs; everything else → conversation, receiving
    conversation  which packet may come when, and who acts on it: login, subscribing, receiving
    session       one connection: who it is and what it may; leaving, lasting: what stays of it
    broker        what connections have in common; policy: what it asks of the platform; client: of sessions
    lock_step     listeners that the simulator's clock waits for
    router        topic → route, over filter_trie, topic_index, grant
    delivery/     plan: who takes a run as it is; outbox: one subscriber's queue; window: its QoS 1 and 2

A *route* says where a topic leads: the name it is counted under, who gets it and with what grant, whether the policy
handles it. Routes are interned, so that two packets belong to one run if their routes are the same object. A *plan*
sorts the subscribers of a route once: those who take the bytes of a run, those of the other protocol level (the run is
translated once for all of them), those who need packets of their own. An *outbox* gathers what one turn of the event
loop brings its subscriber and writes it at once.

Invariants
----------
- One thread. Nothing is locked, and nothing may block: what waits, waits in an outbox.
- No I/O and no clock but in the three files above. Time is `dispatcher.now`, seconds, moved by the server four times a
  second, and by any code about to drop something for its rate: between a stall and the next tick, what is read was
  sent long before. Nothing that is due comes before its time, and it may come a quarter of a second late.
- What a client sent in time is not dropped because the broker stood still: `dispatcher` knows for how long it did, and
  a meter's window holds that much more, but never more than the rate over all the time that has passed. Nothing that
  is dropped for its rate is acknowledged, and what is refused counts as well.
- A client's messages reach each subscriber in the order it sent them, and are acknowledged in that order
  [MQTT-4.6.0-2]. A run is forwarded before its PUBACKs go out and before the policy's answers are published: nobody
  sees an answer before its question.
- A route never changes but for its plan, an outbox keeps its style, and a shared subscription is one object whose
  members take turns: so a plan remains true.
- What was found out is kept in three places: `router.routes` by topic, `session.permitted` by connection, and a
  connection's `cached_route` for the topic it published last. The last is only looked at while `router.age` is what it
  was. Whatever changes a subscription, a permission or what is pushed has to move the age; if it does not, a client
  that stays with its topic goes on to the old subscribers, or with a permission it lost, for ever.
- The policy is asked for a permission once per topic and connection, not per message (rates are, by `delivery.meter`):
  so its answer may depend on nothing that changes without `reconsider` or `permissions_changed`. An exception in it is
  a no, in `receive` it costs the answer, in `authenticate` the login; each is counted and logged.
- Every bound is a field of `Limits` or of the `Principal`: what one client, one address, all queues together can take.
  What a client makes the broker keep is counted in bytes with all it costs: a level of a retained topic or of a filter
  is an object like a message. What is beyond is refused at once, with its reason on the wire (MQTT 5), in the log and
  to the policy; refusing costs no look at what is kept. A subscriber that is too slow loses QoS 0 messages by whole
  runs, counted in messages, and nobody else notices.
- Where the house keeps messages, a client's PUBACK leaves when they are kept (`Session.acknowledge`), and later ones
  wait behind it; nothing else does. The policy is asked before: what it keeps of a message is known by then.
- Topics over 256 bytes are remembered nowhere: by no route, permission, alias.
- Who is pushed a topic without having subscribed it does not get its own messages back there.
- A PUBLISH without permission is acknowledged like any other before MQTT 5, which has a way to say no [MQTT-3.3.5-2].
- A connection has a seat before anything is read of it (`gateway.doors`), a TLS handshake included.
- The identity is the policy's: a second login with it ends the first connection before its own CONNACK.

Who may change what
-------------------
- `Session.state`: `conversation.handle` by its table, and `Session.end`, which closes and may be called more than once.
- `Broker.sessions`: `admit` and `leave`. A connection that was taken over finds another in its place and leaves alone.
- `Router.routes`: the router; `stream` and `reading` read it. `Router.age`: the router and
  `Session.forget_permissions`.
- `Outbox.held`, `Dispatcher.held`, `Dispatcher.congested`: the outboxes alone, and they have to agree; tests compare.
- `Dispatcher.now`: its `tick` and `catch_up`.
- `Counters`: every file of this room adds to them, nobody outside does.

Why the fast paths are as they are
----------------------------------
`stream.walk` and `Reader._read` are long functions with local names and next to no call per message: these two loops
are the broker's cost. Measure before changing them (`jinqiao bench broker`, `bench connections`; figures are in
docs/benchmarks.md); nothing else in the room needs to look like them.

- `walk` remembers the header of a packet whose length came twice: a fleet's packets are mostly of one length, and a
  packet that begins the same is cut at the same places without decoding.
- `reading` has an epoll of its own. With the event loop's callback per socket, and a flush per turn, a message alone in
  its read cost 10.6 µs, and 6.0 in mosquitto. That was 1.5 to 1.8 times as much in several runs, and is 0.95 to 1.3
  now. TLS connections are still read by their transports (1.7 times): what was decrypted does not show on the socket.
- Its epoll is edge-triggered: the kernel would look at each socket a second time to find that it has been emptied.
- A turn waits 3 ms for more clients to speak, if many do. It was 2 ms before: 3 are a third fewer turns for half a
  millisecond at the median. When few speak nobody waits.
- `CachedRoute` is one object per client. Before, the short way looked up permission and route by topic for each
  message; but what a message alone in its read costs is memory more than instructions, since a client's objects are
  cold when its turn comes again. So all that is needed stands in one place, and one comparison of bytes checks it.
- The publisher's packet identifiers are kept for subscribers wherever they are free there: any will do that is not in
  use [MQTT-2.3.1-2, 4]. Our own count from above, since publishers count from 1.
- Runs are joined before they are written, unless they are long: a buffer each costs the kernel more than the copy.
- A changed subscription forgets the topics it touches and no others. Thousands of devices subscribe while thousands
  publish, and forgetting all would be paid by each of them.
- Queues count bytes, and so does the back-pressure: a publisher is stopped for a subscriber that still reads, above
  `high_water_bytes`, and goes on at a quarter of it, so that it is not stopped again at once.
- There is no task per connection and no stream: 15,000 idle clients are 15,000 small objects (5.2 kB each).
- glibc may keep the blocks it freed (`allocator`): to hand a read's block back and fault it in again was a quarter of
  the broker's time in a flood.
"""
