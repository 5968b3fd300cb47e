// Writes openapi/openapi.yaml from the routes of the service: `npm run openapi`.
import { writeFile } from 'node:fs/promises';
import { version } from '../src/service/version.ts';
import { openApiDocument } from '../src/http/openapi/openapi-document.ts';

await writeFile(new URL('../openapi/openapi.yaml', import.meta.url), await openApiDocument(version()));
