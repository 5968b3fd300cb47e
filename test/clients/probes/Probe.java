import java.io.IOException;
import java.net.URI;
import java.net.http.*;
import java.security.cert.X509Certificate;
import javax.net.ssl.*;

/** VERSION (URL BODY)...: POSTs each body and reads the whole answer. Prints `complete` or the error, a line each. */
public class Probe {
  public static void main(String[] args) throws Exception {
    System.setProperty("jdk.internal.httpclient.disableHostnameVerification", "true");
    var context = SSLContext.getInstance("TLS");
    context.init(null, new TrustManager[] {new TrustAll()}, null);
    var version = args[0].equals("2") ? HttpClient.Version.HTTP_2 : HttpClient.Version.HTTP_1_1;
    var client = HttpClient.newBuilder().version(version).sslContext(context).build();
    for (int n = 1; n < args.length; n += 2) {
      var request = HttpRequest.newBuilder(URI.create(args[n])).POST(HttpRequest.BodyPublishers.ofString(args[n + 1])).build();
      try {
        var response = client.send(request, HttpResponse.BodyHandlers.ofString());
        if (response.version() != version) throw new IllegalStateException(response.version().toString());
        System.out.println("complete");
      } catch (IOException error) {
        System.out.println("error " + error.getMessage());
      }
    }
  }

  static class TrustAll extends X509ExtendedTrustManager {
    public void checkClientTrusted(X509Certificate[] chain, String type) {}
    public void checkServerTrusted(X509Certificate[] chain, String type) {}
    public void checkClientTrusted(X509Certificate[] chain, String type, java.net.Socket socket) {}
    public void checkServerTrusted(X509Certificate[] chain, String type, java.net.Socket socket) {}
    public void checkClientTrusted(X509Certificate[] chain, String type, SSLEngine engine) {}
    public void checkServerTrusted(X509Certificate[] chain, String type, SSLEngine engine) {}
    public X509Certificate[] getAcceptedIssuers() { return new X509Certificate[0]; }
  }
}
