"""The service proxy: answers on the addresses of Services and sends each request to a pod that is ready for it."""
