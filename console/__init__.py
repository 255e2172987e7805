"""值班台 The duty officers' console: pages over the services' own APIs, with the officer's token. Stores nothing."""
