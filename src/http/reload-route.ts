import type { FastifyInstance } from 'fastify';
import type { JsonMistake } from '../config/checks/config-error.ts';
import { RequestError } from '../core/errors.ts';
import { refuseOtherMethods } from './routing.ts';

/** How a reload ended. */
export type ReloadResult =
  | {
      readonly outcome: 'reloaded';
      /** The names of the pipelines that are now in force. */
      readonly pipelines: readonly string[];
      /** Keys whose new values apply only after a restart. */
      readonly restart: readonly string[];
    }
  /** `mistakes` is empty if a lookup could not be opened. */
  | { readonly outcome: 'refused'; readonly detail: string; readonly mistakes: readonly JsonMistake[] }
  | { readonly outcome: 'stopping' };

/** `POST /reload` reads the configuration again, and answers when it is in force or refused. A body is ignored. */
export function reloadRoute(app: FastifyInstance, reload: () => Promise<ReloadResult>): void {
  void app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, body, done) => {
      body.resume();
      done(null);
    });
    scope.post('/reload', async () => {
      const result = await reload();
      if (result.outcome === 'stopping') throw new RequestError('draining', 'the service is shutting down');
      if (result.outcome === 'refused') {
        throw new RequestError('configuration_refused', result.detail, { mistakes: result.mistakes });
      }
      const { pipelines, restart } = result;
      return { reloaded: true, pipelines, restart };
    });
    refuseOtherMethods(scope, '/reload', ['POST']);
  });
}
