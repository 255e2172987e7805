"""公众页 ``/m``: what is in force here, my way out, "I am safe" and "I need help". For phones, without a login.

Everything is read from what the services tell anybody; nothing of an officer's, nothing stored. The rule of the room:
what is not known, or was known a while ago, is said to be so and is never shown as safe.
"""
