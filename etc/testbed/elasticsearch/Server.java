import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.common.util.concurrent.ThreadContext;
import org.elasticsearch.env.Environment;
import org.elasticsearch.index.mapper.MapperExtrasPlugin;
import org.elasticsearch.join.ParentJoinPlugin;
import org.elasticsearch.node.InternalSettingsPreparer;
import org.elasticsearch.node.Node;
import org.elasticsearch.plugins.ActionPlugin;
import org.elasticsearch.plugins.Plugin;
import org.elasticsearch.reindex.ReindexPlugin;
import org.elasticsearch.rest.BytesRestResponse;
import org.elasticsearch.rest.RestHandler;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.transport.Netty4Plugin;

/** One Elasticsearch node on loopback, made of the jars that Maven Central has: Server FOLDER HTTP_PORT TRANSPORT_PORT. */
public class Server extends Node {
  Server(Environment environment, Collection<Class<? extends Plugin>> plugins) {
    super(environment, plugins, false);
  }

  /** Asks for the user and password of ES_AUTH (user:password); the distribution's own security is no free jar. */
  public static class BasicAuth extends Plugin implements ActionPlugin {
    private static final String REFUSAL =
        "{\"error\":{\"type\":\"security_exception\",\"reason\":\"missing or wrong authentication credentials\"},\"status\":401}";

    @Override
    public UnaryOperator<RestHandler> getRestHandlerWrapper(ThreadContext context) {
      byte[] login = System.getenv("ES_AUTH").getBytes(StandardCharsets.UTF_8);
      String wanted = "Basic " + Base64.getEncoder().encodeToString(login);
      return handler -> (request, channel, client) -> {
        if (wanted.equals(request.header("Authorization"))) {
          handler.handleRequest(request, channel, client);
          return;
        }
        BytesRestResponse refusal = new BytesRestResponse(RestStatus.UNAUTHORIZED, "application/json", REFUSAL);
        refusal.addHeader("WWW-Authenticate", "Basic realm=\"security\" charset=\"UTF-8\"");
        channel.sendResponse(refusal);
      };
    }
  }

  public static void main(String[] args) throws Exception {
    Path home = Path.of(args[0]);
    Files.createDirectories(home.resolve("config"));
    Settings settings = Settings.builder()
        .put("path.home", home.toString())
        .put("path.data", home.resolve("data").toString())
        .put("cluster.name", "testbed")
        .put("node.name", "testbed")
        .put("discovery.type", "single-node")
        .put("network.host", "127.0.0.1")
        .put("http.port", args[1])
        .put("transport.port", args[2])
        .put("http.type", Netty4Plugin.NETTY_HTTP_TRANSPORT_NAME)
        .put("transport.type", Netty4Plugin.NETTY_TRANSPORT_NAME)
        .put("cluster.routing.allocation.disk.threshold_enabled", false) // a full build machine is no reason to lock indices
        .put("cluster.max_shards_per_node", 10000) // each test has indices of its own
        .build();
    Environment environment = InternalSettingsPreparer.prepareEnvironment(settings, Map.of(), null, () -> "testbed");
    Server server = new Server(environment, List.of(
        Netty4Plugin.class, ReindexPlugin.class, MapperExtrasPlugin.class, ParentJoinPlugin.class, BasicAuth.class));
    server.start();
    Runtime.getRuntime().addShutdownHook(new Thread(() -> {
      try {
        server.close();
      } catch (Exception e) {
        e.printStackTrace();
      }
    }));
    Thread.currentThread().join();
  }
}
