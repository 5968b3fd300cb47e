"""VERSION (URL BODY)...: POSTs each body and reads the whole answer. Prints `complete` or the error, a line each."""
import http.client, ssl, sys
from urllib.parse import urlsplit

trusting = ssl._create_unverified_context()
for url, body in zip(sys.argv[2::2], sys.argv[3::2]):
    parts = urlsplit(url)
    if parts.scheme == 'https':
        connection = http.client.HTTPSConnection(parts.netloc, context=trusting)
    else:
        connection = http.client.HTTPConnection(parts.netloc)
    try:
        connection.request('POST', parts.path, body)
        connection.getresponse().read()
        print('complete')
    except (http.client.HTTPException, OSError) as error:
        print('error', type(error).__name__)
