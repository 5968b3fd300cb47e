"""LIBRARY VERSION URL IN OUT: requests or httpx sends IN to its end, and only then reads the answer into OUT."""
import sys

library, version, url, source, target = sys.argv[1:]
headers = {'Content-Type': 'application/x-ndjson', 'Accept-Encoding': 'identity'}

def blocks():
    with open(source, 'rb') as file:
        while block := file.read(65536):
            yield block

with open(target, 'wb') as out:
    if library == 'requests':
        import requests, urllib3
        urllib3.disable_warnings()
        with requests.post(url, data=blocks(), headers=headers, stream=True, verify=False) as response:
            for chunk in response.iter_content(65536):
                out.write(chunk)
    else:
        import httpx
        with httpx.Client(http2=version == '2', verify=False, timeout=None) as client:
            with client.stream('POST', url, content=blocks(), headers=headers) as response:
                assert response.http_version.startswith('HTTP/' + version), response.http_version
                for chunk in response.iter_bytes():
                    out.write(chunk)
print('complete')
