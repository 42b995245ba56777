"""The judge: small programs run as the hardware would run them, in every order. Shares no code with the checker's
order."""
