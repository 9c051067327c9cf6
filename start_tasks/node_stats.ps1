# Start task: a collector in the background that writes what the node's processors, memory, disk and network do to the
# container $env:START_TASK_LOGS, as JSON Lines in node-stats/<pool>/<node>/<day>.jsonl. What node_stats.sh is on Linux;
# the fields are those of lib/node_stats.py, but for load and iowait_percent, which Windows does not have.
#
#   node_stats.ps1 [SECONDS]
#
# SECONDS (10) is the time between two samples; they are uploaded once a minute. Nothing may stay that runs from a start
# task's own directory (Batch could not run it again), so the collector is a scheduled task of the system with files of
# its own: one on a node, which a later run replaces. Needs an administrator.

$TaskName = 'start-task-node-stats'
$Kept = 2000 # Samples that wait in memory while the container can't be reached.

function Get-Sample([string]$Root) {
    $processor = Get-CimInstance Win32_PerfFormattedData_PerfOS_Processor -Filter "Name = '_Total'"
    $system = Get-CimInstance Win32_OperatingSystem
    $drive = Get-CimInstance Win32_LogicalDisk -Filter "DeviceID = '$(Split-Path -Qualifier $Root)'"
    $disk = Get-CimInstance Win32_PerfFormattedData_PerfDisk_PhysicalDisk -Filter "Name = '_Total'"
    $cards = @(Get-CimInstance Win32_PerfFormattedData_Tcpip_NetworkInterface)
    return [ordered]@{
        time             = (Get-Date).ToUniversalTime().ToString('yyyy-MM-ddTHH:mm:ssZ')
        cpu_percent      = [int]$processor.PercentProcessorTime
        memory_used      = 1024 * ($system.TotalVisibleMemorySize - $system.FreePhysicalMemory)
        memory_total     = 1024 * $system.TotalVisibleMemorySize
        disk_used        = $drive.Size - $drive.FreeSpace
        disk_total       = $drive.Size
        disk_read        = $disk.DiskReadBytesPersec
        disk_written     = $disk.DiskWriteBytesPersec
        network_received = ($cards | Measure-Object -Property BytesReceivedPersec -Sum).Sum
        network_sent     = ($cards | Measure-Object -Property BytesSentPersec -Sum).Sum
    }
}

# Sends what waits, each sample to the blob of its day; what can't be sent waits on, as long as there is room.
function Send-Samples([Collections.ArrayList]$Waiting, [string]$Folder) {
    while ($Waiting.Count -gt 0) {
        $day = $Waiting[0].time.Substring(0, 10)
        $samples = @($Waiting | Where-Object { $_.time.StartsWith($day) })
        $lines = $samples | ForEach-Object { $_ | ConvertTo-Json -Compress }
        try {
            Add-Blob (($lines -join "`n") + "`n") "$Folder/$day.jsonl"
        }
        catch {
            if ($Waiting.Count -gt $Kept) {
                $Waiting.RemoveRange(0, $Waiting.Count - $Kept)
            }
            return
        }
        $Waiting.RemoveRange(0, $samples.Count)
    }
}

# What the scheduled task does, until the node's directory goes.
function Start-Collecting([string]$Settings) {
    $found = Get-Content -LiteralPath $Settings -Raw | ConvertFrom-Json
    $env:START_TASK_LOGS = $found.logs
    $env:AZURE_CLIENT_ID = $found.client
    . (Join-Path (Split-Path -Parent $Settings) 'blob.ps1')
    $waiting = New-Object Collections.ArrayList
    $sent = [DateTime]::MinValue
    while (Test-Path -LiteralPath $found.root) {
        $null = $waiting.Add((Get-Sample $found.root))
        if (((Get-Date) - $sent).TotalSeconds -ge 60) {
            Send-Samples $waiting "$($found.logs)/node-stats/$($found.pool)/$($found.node)"
            $sent = Get-Date
        }
        Start-Sleep -Seconds $found.seconds
    }
}

# Puts the collector with its settings (no secret is among them) into a folder of its own, and makes the scheduled task.
function Register-Collector([int]$Seconds) {
    $folder = Join-Path $env:ProgramFiles 'start-task\node-stats' # Only an administrator writes there.
    $null = New-Item -ItemType Directory -Path $folder -Force
    if (Get-ScheduledTask -TaskName $TaskName -ErrorAction SilentlyContinue) {
        Stop-ScheduledTask -TaskName $TaskName
    }
    Copy-Item -LiteralPath $PSCommandPath, (Join-Path $PSScriptRoot 'lib\blob.ps1') -Destination $folder -Force
    @{
        logs    = $env:START_TASK_LOGS
        client  = $env:AZURE_CLIENT_ID
        pool    = $env:AZ_BATCH_POOL_ID
        node    = $env:AZ_BATCH_NODE_ID
        root    = $env:AZ_BATCH_NODE_ROOT_DIR
        seconds = $Seconds
    } | ConvertTo-Json | Set-Content -LiteralPath "$folder\settings.json" -Encoding UTF8
    $words = '-NoProfile -NonInteractive -ExecutionPolicy Bypass -File "{0}\node_stats.ps1" collect "{0}\settings.json"'
    $action = New-ScheduledTaskAction -Execute 'powershell.exe' -Argument ($words -f $folder)
    $system = New-ScheduledTaskPrincipal -UserId 'SYSTEM' -LogonType ServiceAccount -RunLevel Highest
    $options = New-ScheduledTaskSettingsSet -ExecutionTimeLimit ([TimeSpan]::Zero) -MultipleInstances IgnoreNew
    $null = Register-ScheduledTask -TaskName $TaskName -Action $action -Principal $system -Settings $options -Force
    Start-ScheduledTask -TaskName $TaskName
    Write-Output "the collector runs as the scheduled task $TaskName"
}

if ($args.Count -eq 2 -and $args[0] -eq 'collect') {
    Start-Collecting $args[1]
    exit 0
}
$seconds = if ($args.Count -eq 0) { '10' } else { $args -join ' ' }
if ($seconds -notmatch '^[1-9][0-9]{0,3}$') {
    throw "SECONDS '$seconds' must be one whole number from 1 to 9999"
}
if (-not $env:START_TASK_LOGS) {
    throw '$env:START_TASK_LOGS is missing: the address of the container that takes the stats'
}
Assert-Administrator 'a scheduled task'
Invoke-Alone 'node-stats' { Register-Collector ([int]$seconds) }
