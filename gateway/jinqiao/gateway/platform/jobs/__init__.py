"""Jobs for many devices: a property to set, a service, a message, or a document that devices know what to do with."""
