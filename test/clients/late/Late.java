import java.net.URI;
import java.net.http.*;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import javax.net.ssl.*;

/** VERSION URL IN OUT: HttpClient sends IN to its end, and only then reads the answer into OUT. */
public class Late {
  public static void main(String[] args) throws Exception {
    System.setProperty("jdk.internal.httpclient.disableHostnameVerification", "true");
    var context = SSLContext.getInstance("TLS");
    context.init(null, new TrustManager[] {new TrustAll()}, null);
    var version = args[0].equals("2") ? HttpClient.Version.HTTP_2 : HttpClient.Version.HTTP_1_1;
    var client = HttpClient.newBuilder().version(version).sslContext(context).build();
    var body = HttpRequest.BodyPublishers.ofFile(Path.of(args[2]));
    var request = HttpRequest.newBuilder(URI.create(args[1])).header("Content-Type", "application/x-ndjson").POST(body).build();
    var response = client.send(request, HttpResponse.BodyHandlers.ofFile(Path.of(args[3])));
    if (response.version() != version) throw new IllegalStateException(response.version().toString());
    System.out.println("complete");
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
