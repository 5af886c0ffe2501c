{{ word }}
