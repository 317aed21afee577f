import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.node.InternalSettingsPreparer;
import org.elasticsearch.node.Node;
import org.elasticsearch.plugins.PluginsLoader;

/**
 * Starts one unmodified Elasticsearch node with the modules of its home; the arguments are settings, KEY=VALUE.
 *
 * <p>The distribution's own starter also installs what confines plugins, which is not among the published artifacts.
 * Everything that answers a request is the published server.
 */
final class Starter {
    private static final String NAME = "real";

    public static void main(String[] arguments) throws Exception {
        Path home = Path.of(System.getProperty("es.path.home"));
        Path config = Path.of(System.getProperty("es.path.conf"));
        var given = Settings.builder().put("path.home", home.toString());
        for (String argument : arguments) {
            String[] pair = argument.split("=", 2);
            given.put(pair[0], pair[1]);
        }
        LogConfigurator.setNodeName(NAME);
        LogConfigurator.configureESLogging();
        var environment =
                InternalSettingsPreparer.prepareEnvironment(given.build(), Map.of(), config, () -> NAME);
        LogConfigurator.configureWithoutConfig(environment.settings());
        var plugins = PluginsLoader.createPluginsLoader(
                PluginsLoader.loadModulesBundles(environment.modulesDir(), false),
                PluginsLoader.loadPluginsBundles(environment.pluginsDir(), false),
                Map.of());
        var node = new Node(environment, plugins);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> close(node)));
        node.start();
        new CountDownLatch(1).await();
    }

    private static void close(Node node) {
        try {
            node.close();
        } catch (java.io.IOException error) {
            throw new java.io.UncheckedIOException(error);
        }
    }
}
