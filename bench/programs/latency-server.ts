import { serveDelayedAnswers } from '../delayed-answers.ts';
import { work } from '../worker.ts';

work(() => ({}), { port: await serveDelayedAnswers() });
